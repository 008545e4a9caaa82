"""Out-of-fold predictions of a report, beside a table that was edited since."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import Sanity, SanityCheck
from ricenet_v2.records.splits import Fold
from ricenet_v2.reporting.results.validation import described, out_of_fold
from ricenet_v2.store.as_trained import SINCE_TRAINING
from ricenet_v2.store.paths import DATASET_JSON, SANITY_JSON, DatasetPaths
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.tables import read_rows, write_rows

DATASET = Dataset("D", (Channel("T1", "mri"), Channel("T2", "mri")), ("a", "b"))
CASES = {name: Case(name, f"p{name}", label) for name, label in {"x": "a", "y": "b"}.items()}


@pytest.fixture
def paths(tmp_path: Path) -> DatasetPaths:
    made = DatasetPaths("D", *(tmp_path / name for name in ("raw", "preprocessed", "results")))
    write_raw_tables(made.raw, DATASET, list(CASES.values()))
    documents.write(made.run().dataset, DATASET)
    for fold, case in enumerate(CASES.values()):
        row = {"case_id": case.case_id, "patient_id": case.patient_id, "label": case.label}
        row |= {"predicted": "a", "prob_a": 0.75, "prob_b": 0.25}
        write_rows(made.run().fold(fold).validation, [row])
    return made


def flags_of(paths: DatasetPaths, cases: dict[str, Case]) -> dict[str, tuple[str, ...]]:
    found = out_of_fold(paths.run(), DATASET.classes, cases)
    assert found is not None
    return {case.case_id: case.flags for case in found.cases}


def test_cases_of_an_unchanged_table_have_no_flag(paths, caplog):
    assert flags_of(paths, CASES) == {"x": (), "y": ()}
    assert flags_of(paths, {}) == {"x": (), "y": ()}
    assert caplog.records == []


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"label": "b"}, "label in cases.csv now: b; the folds were trained and evaluated with: a"),
        (
            {"patient_id": "p9"},
            "patient in cases.csv now: p9; the folds were trained and evaluated",
        ),
        ({"split": "test"}, "of the split test in cases.csv now"),
    ],
)
def test_a_case_that_was_corrected_since_is_flagged(paths, caplog, change, told):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = flags_of(paths, {**CASES, "x": dataclasses.replace(CASES["x"], **change)})
    assert found["y"] == ()
    assert len(found["x"]) == 1
    assert found["x"][0].startswith(told)
    assert "has changed since the folds were trained" in caplog.text


def test_a_case_that_is_gone_is_flagged(paths):
    assert flags_of(paths, {"y": CASES["y"]}) == {"x": ("no longer in cases.csv",), "y": ()}


def as_trained(paths: DatasetPaths) -> None:
    """Give both folds the record that training writes."""
    model, labels = paths.run(), {case.case_id: case.label for case in CASES.values()}
    patients = {case.case_id: case.patient_id for case in CASES.values()}
    for fold, (own, other) in enumerate((("x", "y"), ("y", "x"))):
        run = Run("D", "auto", "", fold, ("T1",), 0, "cpu", 1, "finished", 0, (), {}, n_folds=2)
        run = dataclasses.replace(
            run,
            fold_hash=Fold((other,), (own,)).hash_with(labels, patients),
            validation_hash=sha256_of_file(model.fold(fold).validation),
        )
        documents.write(model.fold(fold).run, run)


def test_an_edited_table_is_named_and_not_cases_csv(paths, caplog):
    as_trained(paths)
    model = paths.run()
    fine = SanityCheck(SINCE_TRAINING, "fine", "labels, patients and splits are those of then")
    other = SanityCheck("another check", "fine", "all well")
    documents.write(model.crossval / SANITY_JSON, Sanity("before", (fine, other)))
    file = model.fold(1).validation
    write_rows(file, [{**row, "label": "a"} for row in read_rows(file)])
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = out_of_fold(model, DATASET.classes, CASES)
    assert "cases.csv has changed" not in caplog.text
    assert "edited since training: fold_1/validation.csv; y: label a" in caplog.text
    assert "ricenet_train D 1 --epochs 1 --continue" in caplog.text
    assert [case.flags for case in found.cases] == [
        (),
        ("fold_1/validation.csv has been edited since training: label a there, b in training",),
    ]
    outcomes = {check.name: check.outcome for check in found.sanity.checks}
    assert outcomes == {"another check": "fine", SINCE_TRAINING: "doubt"}


def test_an_edited_probability_is_told_on_the_pages_of_its_fold(paths, caplog):
    as_trained(paths)
    file = paths.run().fold(0).validation
    cells = {"prob_a": "0.25", "prob_b": "0.75"}
    write_rows(file, [{**row, **cells} for row in read_rows(file)])
    flags = flags_of(paths, CASES)
    assert flags["y"] == ()
    assert "fold_0/validation.csv has been edited since training" in flags["x"][0]
    assert "fold_0/validation.csv" in caplog.text
    assert out_of_fold(paths.run(), DATASET.classes, CASES).sanity.checks[0].outcome == "doubt"


def test_a_copied_fold_is_refused_as_by_other_commands(paths):
    as_trained(paths)
    shutil.copytree(paths.run().fold(0).folder, paths.run().fold(5).folder)
    with pytest.raises(DatasetError, match="another fold than its name") as caught:
        out_of_fold(paths.run(), DATASET.classes, CASES)
    assert caught.value.file == paths.run().fold(5).run
    paths.run().fold(5).run.unlink()
    with pytest.raises(DatasetError, match="held out of two folds"):
        out_of_fold(paths.run(), DATASET.classes, CASES)


@pytest.mark.parametrize("cell", ["", "much", "nan", "-0.1", "1.5"])
def test_what_is_no_probability_is_named(paths, cell):
    file = paths.run().fold(1).validation
    write_rows(file, [{**row, "prob_a": cell} for row in read_rows(file)])
    with pytest.raises(DatasetError, match="not probabilities") as caught:
        out_of_fold(paths.run(), DATASET.classes, CASES)
    assert (caught.value.case, caught.value.file) == ("y", file)


def test_a_table_that_lacks_a_column_is_named(paths):
    file = paths.run().fold(1).validation
    write_rows(file, [{k: v for k, v in row.items() if k != "prob_b"} for row in read_rows(file)])
    with pytest.raises(DatasetError, match="lacks columns") as caught:
        out_of_fold(paths.run(), DATASET.classes, CASES)
    assert (caught.value.file, caught.value.got) == (file, "no column prob_b")


def test_the_positive_class_is_that_of_the_training(paths, caplog):
    changed = dataclasses.replace(DATASET, positive_class="a")
    write_raw_tables(paths.raw, changed, list(CASES.values()))
    found = described(paths, load_raw_dataset(paths.raw), paths.run())
    assert found.classes[found.positive_index] == "b"
    assert "has the positive class a now. Metrics are about b" in caplog.text


@pytest.mark.parametrize("change", [{"channels": DATASET.channels[::-1]}, {"classes": ("b", "a")}])
def test_a_description_that_changed_since_is_refused(paths, change):
    write_raw_tables(paths.raw, dataclasses.replace(DATASET, **change), list(CASES.values()))
    with pytest.raises(DatasetError, match="changed since the model was trained") as caught:
        described(paths, load_raw_dataset(paths.raw), paths.run())
    assert caught.value.file == paths.raw / DATASET_JSON


def test_other_words_may_change_and_the_raw_dataset_may_be_gone(paths, tmp_path):
    changed = dataclasses.replace(DATASET, licence="CC0")
    write_raw_tables(paths.raw, changed, list(CASES.values()))
    assert described(paths, load_raw_dataset(paths.raw), paths.run()) == changed
    gone = dataclasses.replace(paths, raw=tmp_path / "gone")
    assert described(gone, None, paths.run()) == DATASET
    paths.run().dataset.unlink()
    assert described(paths, None, paths.run()) == changed
    with pytest.raises(DatasetError, match="no description of the dataset"):
        described(gone, None, paths.run())
