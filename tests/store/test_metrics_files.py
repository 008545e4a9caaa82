"""metrics.json, and figures.json of version 0.1 in the same folder."""

import os
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.write import write_metrics
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.store.metrics_files import metrics_file, named_metrics_file

GOLDEN = Path(__file__).parents[1] / "records" / "golden"
FORMER_TABLE = "cases,figure,value,low,high,n,method,warning\nall,accuracy,0.5,,,4,m,\n"


@pytest.fixture
def evaluated(tmp_path):
    """A folder that version 0.1 evaluated."""
    shutil.copy(GOLDEN / "figures_2.json", tmp_path / "figures.json")
    (tmp_path / "figures.csv").write_text(FORMER_TABLE)
    return tmp_path


@pytest.fixture
def evaluation():
    return documents.read(Evaluation, GOLDEN / "metrics_3.json")


def names(folder):
    return sorted(file.name for file in folder.iterdir())


def test_the_former_file_is_read_until_an_evaluation_replaces_it(evaluated, evaluation):
    assert metrics_file(evaluated).name == "figures.json"
    write_metrics(evaluated, evaluation)
    assert names(evaluated) == ["metrics.csv", "metrics.json"]
    assert documents.read(Evaluation, metrics_file(evaluated)) == evaluation


def test_files_of_that_name_that_are_not_of_an_evaluation_stay(tmp_path, evaluation):
    (tmp_path / "figures.json").write_text('{"document": "slides"}')
    (tmp_path / "figures.csv").write_text("figure,file\n1,a.png\n")
    write_metrics(tmp_path, evaluation)
    assert names(tmp_path) == ["figures.csv", "figures.json", "metrics.csv", "metrics.json"]
    os.utime(tmp_path / "metrics.json", (0, 0))
    assert metrics_file(tmp_path).name == "metrics.json"


@pytest.mark.parametrize("name", ["metrics.json", "metrics.csv"])
def test_a_file_of_the_new_name_that_is_not_of_an_evaluation_is_not_overwritten(
    evaluated, evaluation, name
):
    (evaluated / name).write_text("a,b\n1,2\n")
    with pytest.raises(DatasetError, match="would be overwritten"):
        write_metrics(evaluated, evaluation)
    assert (evaluated / name).read_text() == "a,b\n1,2\n"
    assert {"figures.json", "figures.csv"} <= set(names(evaluated))


def test_an_evaluation_by_an_older_version_after_a_newer_one_is_read(
    evaluated, evaluation, tmp_path_factory, caplog
):
    new = tmp_path_factory.mktemp("new")
    write_metrics(new, evaluation)
    shutil.copy(new / "metrics.json", evaluated / "metrics.json")
    os.utime(evaluated / "figures.json", (1000, 1000))
    os.utime(evaluated / "metrics.json", (2000, 2000))
    assert metrics_file(evaluated).name == "metrics.json"
    assert caplog.text == ""
    os.utime(evaluated / "figures.json", (3000, 3000))
    assert metrics_file(evaluated).name == "figures.json"
    assert "is newer than metrics.json" in caplog.text


def test_a_script_that_names_the_former_file_finds_the_new_one(evaluated, evaluation):
    former = evaluated / "figures.json"
    assert named_metrics_file(former) == former
    write_metrics(evaluated, evaluation)
    assert named_metrics_file(former) == evaluated / "metrics.json"
    assert named_metrics_file(evaluated / "other.json") == evaluated / "other.json"


def test_a_former_file_that_cannot_be_removed_is_not_read(
    evaluated, evaluation, monkeypatch, caplog
):
    monkeypatch.setattr(Path, "unlink", _refuse)
    os.utime(evaluated / "figures.json", (1000, 1000))
    write_metrics(evaluated, evaluation)
    monkeypatch.undo()
    assert "cannot be removed: read-only" in caplog.text
    assert metrics_file(evaluated).name == "metrics.json"


UNLINK = Path.unlink


def _refuse(path, *, missing_ok=False):
    if path.stem == "figures":
        raise PermissionError("read-only")
    UNLINK(path, missing_ok=missing_ok)
