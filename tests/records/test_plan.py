import dataclasses
import json
from pathlib import Path

import pytest
from pydantic import ValidationError

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.settings import with_settings


def test_a_number_of_workers_in_an_older_plan_is_read_and_means_nothing(planned_cohort, tmp_path):
    (name,) = (folder.name for folder in (planned_cohort / "raw").iterdir())
    path = dataset_paths(name, planned_cohort).plan()
    plan = documents.read(Plan, path)
    fields = json.loads(path.read_text())
    assert "num_workers" not in fields["training"]
    fields["training"]["num_workers"] = 3
    older = tmp_path / "plan.json"
    older.write_text(json.dumps(fields))
    read = documents.read(Plan, older)
    assert read == plan
    assert documents.fingerprint_of(read) == documents.fingerprint_of(plan)
    with pytest.raises(PlanError, match="num_workers"):
        with_settings(plan, {"num_workers": "2"})


def test_the_command_is_written_and_is_no_part_of_the_hash(planned_cohort, tmp_path):
    (name,) = (folder.name for folder in (planned_cohort / "raw").iterdir())
    plan = documents.read(Plan, dataset_paths(name, planned_cohort).plan())
    other = dataclasses.replace(plan, command=("ricenet_plan_and_preprocess", "~/raw"))
    assert documents.fingerprint_of(other) == documents.fingerprint_of(plan)
    documents.write(tmp_path / "plan.json", other)
    assert documents.read(Plan, tmp_path / "plan.json").command == other.command
    fields = json.loads((tmp_path / "plan.json").read_text())
    del fields["command"]
    text = json.dumps(fields, indent=2, ensure_ascii=False) + "\n"
    assert documents.fingerprint_of(plan) == sha256_of_text(text)  # as before there were commands


def test_a_plan_without_levels_is_written_and_hashed_as_before_there_were_any(make_plan, tmp_path):
    plan = make_plan(kinds=("mri", "dose"))
    assert plan.network.levels == ()
    assert "levels" not in json.loads(documents.to_text(plan))["network"]
    levels = ((), (0.0, 0.5, 1.0))
    other = dataclasses.replace(plan, network=dataclasses.replace(plan.network, levels=levels))
    assert documents.fingerprint_of(other) != documents.fingerprint_of(plan)
    documents.write(tmp_path / "plan.json", other)
    assert documents.read(Plan, tmp_path / "plan.json") == other


@pytest.mark.parametrize(
    ("levels", "fault"),
    [
        (((0.0, 1.0),), "one entry for each of 2 channels"),
        (((), (0.0,)), "dose1 needs none, or two and more"),
        (((), (0.0, 0.5, 0.5)), "dose1 needs none, or two and more"),
        (((0.0, 1.0), ()), "mri0 is normalised by each case itself"),
    ],
)
def test_levels_that_contradict_the_channels_are_refused(make_plan, levels, fault):
    plan = make_plan(kinds=("mri", "dose"))
    mri = dataclasses.replace(plan.channels[0], normalisation=Normalisation("zscore"))
    plan = dataclasses.replace(plan, channels=(mri, plan.channels[1]))
    with pytest.raises(ValidationError, match=fault):
        dataclasses.replace(plan, network=dataclasses.replace(plan.network, levels=levels))


def test_a_plan_of_before_there_were_regions_stays_as_it_is(tmp_path):
    golden = Path(__file__).parent / "golden" / "ricenet_plan_1.json"
    plan = documents.read(Plan, golden)
    assert plan.region is None
    documents.write(tmp_path / "plan.json", plan)
    assert (tmp_path / "plan.json").read_bytes() == golden.read_bytes()
    # As the version that wrote it hashed the plan, and what decides voxels: cases stay current.
    assert documents.fingerprint_of(plan)[:12] == "ed2585cb0f5d"
    assert voxels_hash(plan)[:12] == "0a8812b6ea01"
    regions = [RegionPlan("head"), RegionPlan("lesion", 20.0), RegionPlan("lesion", 25.0)]
    others = [dataclasses.replace(plan, region=region) for region in regions]
    assert len({voxels_hash(each) for each in (plan, *others)}) == 4
    for each in others:
        documents.write(tmp_path / "plan.json", each)
        assert documents.read(Plan, tmp_path / "plan.json") == each
