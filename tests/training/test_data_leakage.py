"""Weights that have seen what a fold holds out: recognised by images and ids, through all runs."""

from __future__ import annotations

import dataclasses
import json

import pytest
import torch

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.lineage import Lineage, TrainedCase, digest, identifying
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.records.weights import WeightsReport
from ricenet_v2.store import checkpoints
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.training.data_leakage import find_leaks, lineage_of
from ricenet_v2.training.fold import train_fold
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.preparation import prepare
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.training_setup import TrainingSetup

TEAM = ProcessGroup(0, 1, torch.device("cpu"))
FILE = "weights.pth"


@pytest.fixture
def cohort(make_workspace, plan):
    """A dataset whose cases show images of the given people, the first four of them held out."""

    def make(name, people, *, test=0, ids="C", hashed=True):
        paths = make_workspace(plan, name, n_cases=len(people))
        raw = load_raw_dataset(paths.raw)
        write_raw_tables(
            paths.raw,
            dataclasses.replace(raw.dataset, name=name),
            [
                dataclasses.replace(
                    case,
                    patient_id=f"{ids}P{n}",
                    split="test" if n >= len(people) - test else "train",
                )
                for n, case in enumerate(raw.cases)
            ],
        )
        names = [case.case_id for case in raw.cases]
        train = names[4 : len(names) - test]
        documents.write(paths.splits, Splits(0, (Fold(tuple(train), tuple(names[:4])),)))
        for case, person in zip(names, people, strict=True):
            file = paths.cases("auto") / f"{case}.json"
            record = documents.read(PreprocessedCase, file)
            shown = {"T1c": f"T1c of {person}", "dose": f"dose of {person}"} if hashed else {}
            documents.write(file, dataclasses.replace(record, voxel_hashes=shown))
        return paths

    return make


def setup_of(paths, **options):
    raw = load_raw_dataset(paths.raw)
    return TrainingSetup(
        paths,
        documents.read(Plan, paths.plan()),
        raw.dataset,
        raw.cases,
        documents.read(Splits, paths.splits),
        TrainOptions(**{"epochs": 1} | options),
        TEAM,
    )


def job_of(paths, fold=0):
    return prepare(setup_of(paths, pretrained_weights=FILE), fold)


def trained(paths, **options):
    """Train; returns the checkpoint."""
    train_fold(setup_of(paths, **options), 0)
    return paths.run().fold(0).final


def people(first, count=12):
    return [f"person {n}" for n in range(first, first + count)]


def test_the_same_images_under_another_name_are_recognised(cohort):
    before = lineage_of(job_of(cohort("A", people(0))), None)
    strangers = cohort("B", people(20), ids="X", test=2)
    assert find_leaks(job_of(strangers), before).cases == ()
    shared = ["person 7", *people(21, 10), "person 9"]
    found = find_leaks(job_of(cohort("C", shared, ids="X", test=1)), before)
    assert found.validation == {"C00": "same images"}
    assert found.test == {"C11": "same images"}


def test_held_out_cases_of_the_first_training_are_free_for_the_next(cohort):
    before = lineage_of(job_of(cohort("A", people(0))), None)
    turned = cohort("B", [*people(0, 4), *people(30, 8)], ids="X")
    assert find_leaks(job_of(turned), before).cases == ()


def test_one_image_is_enough(cohort):
    paths = cohort("A", people(0))
    before = lineage_of(job_of(paths), None)
    other = cohort("B", people(20), ids="X")
    file = other.cases("auto") / "C02.json"
    record = documents.read(PreprocessedCase, file)
    shown = {"T1c": "another", "dose": "dose of person 5"}
    documents.write(file, dataclasses.replace(record, voxel_hashes=shown))
    assert find_leaks(job_of(other), before).validation == {"C02": "same images"}


def test_a_patient_of_the_same_dataset_is_known_by_the_id(cohort):
    """The images were exported anew, so that no voxel is the same."""
    before = lineage_of(job_of(cohort("A", people(0))), None)
    paths = cohort("again", people(40))
    raw = load_raw_dataset(paths.raw)
    cases = list(raw.cases)
    cases[1] = dataclasses.replace(cases[1], patient_id="CP6")
    write_raw_tables(paths.raw, dataclasses.replace(raw.dataset, name="A"), cases)
    assert find_leaks(job_of(paths), before).validation == {"C01": "same patient"}
    # In a dataset of another name, the ids may be of other people: a doubt, and no more.
    write_raw_tables(paths.raw, dataclasses.replace(raw.dataset, name="Z"), cases)
    found = find_leaks(job_of(paths), before)
    assert found.cases == ()
    assert "1 held-out case(s) have ids of cases of another dataset" in found.doubts[0]
    assert "(C01)" in found.doubts[0]


def test_a_fold_of_an_older_checkpoint_is_known_by_its_number(cohort):
    job = job_of(cohort("A", people(0)))
    old = ("of an older version",)
    assert len(find_leaks(job, Lineage("A", 1, untold=old)).validation) == 4
    assert find_leaks(job, Lineage("A", 0, untold=old)).cases == ()
    assert find_leaks(job, Lineage("B", 1, untold=old)).cases == ()


def test_held_out_cases_without_hashes_are_a_doubt(cohort):
    before = lineage_of(job_of(cohort("A", people(0))), None)
    found = find_leaks(job_of(cohort("B", people(0), ids="X", hashed=False, test=1)), before)
    assert found.cases == ()
    assert any(
        "5 held-out case(s) can be recognised only by their ids" in one for one in found.doubts
    )
    nothing = find_leaks(job_of(cohort("E", people(0), hashed=False)), Lineage(untold=("foreign",)))
    assert nothing.doubts == ()


def test_a_mask_that_many_share_does_not_count_beside_an_image(plan):
    channels = tuple(
        dataclasses.replace(plan.channels[0], name=name, kind=kind)
        for name, kind in (("T1c", "mri"), ("atlas", "mask"))
    )
    case = PreprocessedCase(
        "a", (2, 1, 1, 1), (1, 1, 1), (1.0,) * 3, (0.0,) * 3, (1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0),
        (0, 0, 0), (1, 1, 1), "", {}, (), "", voxel_hashes={"T1c": "x", "atlas": "y"},
    )  # fmt: skip
    assert identifying(case, channels) == ("x",)
    alone = dataclasses.replace(case, voxel_hashes={"atlas": "y"})
    assert identifying(alone, channels) == ("y",)


def test_an_atlas_that_all_patients_have_is_no_leak(cohort):
    """Its kind is that of an image, so that nothing but its content tells."""
    shown = {}
    for name, first in (("A", 0), ("B", 20)):
        shown[name] = paths = cohort(name, people(first), ids=name, test=1)
        for file in paths.cases("auto").glob("C*.json"):
            record = documents.read(PreprocessedCase, file)
            hashes = record.voxel_hashes | {"dose": "atlas"}
            documents.write(file, dataclasses.replace(record, voxel_hashes=hashes))
    before = lineage_of(job_of(shown["A"]), None)
    assert [case.images for case in before.cases] == [(f"T1c of person {n}",) for n in range(4, 11)]
    assert find_leaks(job_of(shown["B"]), before).cases == ()
    # Lists that were written with the atlas are read without.
    older = [dataclasses.replace(case, images=(*case.images, "atlas")) for case in before.cases]
    assert find_leaks(job_of(shown["B"]), Lineage("A", 0, tuple(older))).cases == ()


def test_no_id_stands_in_the_lineage(cohort):
    text = documents.to_text(lineage_of(job_of(cohort("A", people(0))), None))
    assert "CP5" not in text
    assert "C05" not in text
    assert digest("CP5") in text


def test_cases_that_were_preprocessed_before_are_said_to_be_known_by_ids_alone(cohort):
    made = lineage_of(job_of(cohort("A", people(0), hashed=False)), None)
    assert (
        "8 training case(s) of A, fold 0, were preprocessed by an older version" in made.untold[0]
    )
    assert len(made.cases) == 8


def test_a_chain_of_trainings_remembers_its_first(cohort, capsys):
    """A, then B, then C: C holds out a patient of A, under another id, that B has never seen."""
    first = trained(cohort("A", people(0)))
    second = trained(cohort("B", people(20), ids="X"), pretrained_weights=first)
    third = cohort("C", ["person 6", *people(41, 11)], ids="Y", test=1)
    with pytest.raises(
        CheckpointError, match=r"1 of 4 validation cases \(C00: same images\)"
    ) as got:
        trained(third, pretrained_weights=second)
    assert "16 cases" in str(got.value)
    assert "--allow_leak" in str(got.value)
    fold = third.run().fold(0)
    assert not fold.run.exists()
    last = trained(third, pretrained_weights=second, allow_leak=True)
    source = documents.read(Run, fold.run).pretrained
    assert (source.trained_on, source.leaked, source.untold) == (16, ("C00",), ())
    assert (source.dataset, source.fold) == ("B", 0)
    assert "leak allowed" in fold.log.read_text(encoding="utf-8")
    for file in (last, fold.latest, fold.best):
        kept = checkpoints.load(file)["lineage"]
        assert all(f'"dataset": "{name}"' in kept for name in "ABC")
    # Going on from the fold's own checkpoint, the list of all trainings is still there.
    train_fold(setup_of(third, epochs=2, resume=True), 0)
    whole = documents.from_fields(Lineage, _fields(checkpoints.load(last)["lineage"]))
    assert len(whole.cases) == 8 + 8 + 7
    assert documents.read(Run, fold.run).pretrained.leaked == ("C00",)


def _fields(text):
    fields = json.loads(text)
    return {name: value for name, value in fields.items() if name not in ("document", "schema")}


def test_weights_of_the_same_fold_are_no_leak(cohort, tmp_path):
    paths = cohort("A", people(0))
    own = trained(paths).rename(tmp_path / "own.pth")
    paths.run().folder.rename(tmp_path / "before")
    trained(paths, pretrained_weights=own)
    source = documents.read(Run, paths.run().fold(0).run).pretrained
    assert (source.trained_on, source.leaked, source.untold) == (8, (), ())


def test_of_foreign_and_older_weights_it_is_said_that_it_cannot_be_told(cohort, tmp_path):
    paths = cohort("A", people(0))
    state = checkpoints.load(trained(paths))
    paths.run().folder.rename(tmp_path / "before")
    old = {name: value for name, value in state.items() if name != "lineage"}
    torch.save(old | {"fold": 3}, tmp_path / "old.pth")
    with pytest.raises(CheckpointError, match=r"4 of 4 validation cases .*another fold"):
        trained(paths, pretrained_weights=tmp_path / "old.pth")
    torch.save(old, tmp_path / "old.pth")
    trained(paths, pretrained_weights=tmp_path / "old.pth")
    fold = paths.run().fold(0)
    source = documents.read(Run, fold.run).pretrained
    assert (source.trained_on, source.leaked) == (None, ())
    assert source.untold == (
        "old.pth is of an older version, which kept no list of training cases",
    )
    # What begins with weights of unknown cases is unknown in turn.
    report = documents.read(WeightsReport, fold.pretrained)
    assert source.untold[0] in lineage_of(job_of(paths), report.lineage).untold
    paths.run().folder.rename(tmp_path / "second")
    foreign = {f"encoder.{k}": v for k, v in state["inference_weights"].items()}
    torch.save({"network_weights": foreign}, tmp_path / "nnunet.pth")
    told = trained(paths, pretrained_weights=tmp_path / "nnunet.pth")
    source = documents.read(Run, told.parent / "run.json").pretrained
    assert source.untold == (
        "nnunet.pth (nnU-Net) keeps no list of the cases that it was trained on",
    )


def test_the_lineage_is_a_document(tmp_path):
    made = Lineage("A", 2, (TrainedCase("A", "1", "2", ("x",)),), ("why",))
    documents.write(tmp_path / "lineage.json", made)
    assert documents.read(Lineage, tmp_path / "lineage.json") == made
