"""Commands whose files or options name paths: nothing is written outside of the workspace."""

import json
import shutil

import pytest

from ricenet_v2.cli import evaluate, plan_and_preprocess, predict, train
from ricenet_v2.core import documents, names
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.inference.fold_compatibility import plans_and_datasets
from ricenet_v2.phantom.cohort import NAME
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.store import raw
from ricenet_v2.store.workspace import dataset_paths

OUT = "../../../outside"
DATASET = Dataset("D", (Channel("a", "mri"),), ("x", "y"))


@pytest.fixture
def workspace(planned_cohort, tmp_path):
    """Deep enough that what leads out is still seen in the folder of the test."""
    return shutil.copytree(planned_cohort, tmp_path / "a" / "b" / "c" / "workspace")


def files_outside(tmp_path):
    inside = tmp_path / "a" / "b" / "c" / "workspace"
    return [path for path in tmp_path.rglob("*") if path.is_file() and inside not in path.parents]


def named(workspace, change):
    paths = dataset_paths(NAME, workspace)
    fields = json.loads(paths.plan().read_text())
    change(fields)
    paths.plan().write_text(json.dumps(fields))


@pytest.mark.parametrize("name", [OUT, "/tmp/ricenet_outside", "..", "a/b"])
def test_a_plan_of_such_a_name_writes_nothing(workspace, tmp_path, capsys, name):
    named(workspace, lambda fields: fields.update(name=name))
    common = ["--workspace", str(workspace)]
    assert plan_and_preprocess.main([NAME, *common, "--num_workers", "1"]) == 2
    told = capsys.readouterr().err
    assert "ricenet_plan.json" in told
    assert "cannot be part of a path" in told
    assert train.main([NAME, "0", "--device", "cpu", *common]) == 2
    assert "cannot be part of a path" in capsys.readouterr().err
    assert not files_outside(tmp_path)


@pytest.mark.parametrize("channel", ["../../..", "all"])
def test_a_channel_of_such_a_name_trains_nothing(workspace, tmp_path, capsys, channel):
    named(workspace, lambda fields: fields["channels"][0].update(name=channel))
    line = [NAME, "0", "--device", "cpu", "--workspace", str(workspace), "-c", channel]
    assert train.main(line) == 2
    told = capsys.readouterr().err
    assert "ricenet_plan.json" in told
    assert "cannot be part of a path" in told or "means all channels" in told
    assert not files_outside(tmp_path)


def test_options_that_name_paths_are_refused(workspace, tmp_path, capsys):
    common = ["--workspace", str(workspace)]
    new = ["-i", str(tmp_path), "-o", str(tmp_path / "o"), "-d", NAME]
    lines = [
        (train.main, [NAME, "0", "--device", "cpu", "-p", OUT, *common]),
        (evaluate.main, [NAME, "-p", OUT, *common]),
        (evaluate.main, [NAME, "-c", OUT, *common]),
        (predict.main, [*new, "-p", OUT, *common]),
    ]
    for main, line in lines:
        assert main(line) == 2
        told = capsys.readouterr().err
        assert "cannot be part of a path" in told
        assert "fault of the program" not in told
    assert not files_outside(tmp_path)


def test_a_case_of_such_a_name_is_refused_with_its_row(workspace, tmp_path, capsys):
    table = dataset_paths(NAME, workspace).raw / "cases.csv"
    table.write_text(table.read_text().replace("PH0001", OUT))
    line = [NAME, "--workspace", str(workspace), "--num_workers", "1", "--verify_only"]
    assert plan_and_preprocess.main(line) == 2
    assert "leads out of its folder" in capsys.readouterr().err
    assert not files_outside(tmp_path)


def test_splits_of_such_a_case_are_refused(workspace, tmp_path, capsys):
    file = dataset_paths(NAME, workspace).splits
    fields = json.loads(file.read_text())
    fields["folds"][0]["train"][0] = OUT
    file.write_text(json.dumps(fields))
    assert train.main([NAME, "0", "--device", "cpu", "--workspace", str(workspace)]) == 2
    assert "splits_final.json" in capsys.readouterr().err
    assert not files_outside(tmp_path)


@pytest.mark.parametrize("place", [("name",), ("channels", 0, "name")])
def test_a_model_of_such_names_is_not_loaded(tmp_path, make_plan, place):
    fields = json.loads(documents.to_text(make_plan()))
    inner = fields
    for key in place[:-1]:
        inner = inner[key]
    inner[place[-1]] = OUT
    whole = documents.to_text(DATASET)
    with pytest.raises(DocumentError, match="cannot be part of a path"):
        plans_and_datasets({0: {"plan": json.dumps(fields), "dataset": whole}}, tmp_path)
    for hostile in ("[" * 100_000, '{"name": ' + "9" * 5000 + "}", "[]"):
        with pytest.raises(DocumentError):
            plans_and_datasets({0: {"plan": hostile, "dataset": whole}}, tmp_path)


def test_images_whose_names_no_file_can_have_do_not_stop_the_others():
    cases = ["good", "x" * 230, "a\nb"]
    assert list(raw.faults_of_names(cases)) == cases[1:]
    assert names.shown("\udcffä") == "\\udcffä"
