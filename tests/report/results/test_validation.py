"""Out-of-fold predictions of a report, beside a table that was edited since."""

from __future__ import annotations

import dataclasses
import logging
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.report.results.validation import described, out_of_fold
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths
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
        ({"label": "b"}, "label in cases.csv now: b; the folds were trained and judged with: a"),
        ({"patient_id": "p9"}, "patient in cases.csv now: p9; the folds were trained and judged"),
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


def test_a_table_that_lacks_a_column_is_named(paths):
    file = paths.run().fold(1).validation
    write_rows(file, [{k: v for k, v in row.items() if k != "prob_b"} for row in read_rows(file)])
    with pytest.raises(DatasetError, match="lacks columns") as caught:
        out_of_fold(paths.run(), DATASET.classes, CASES)
    assert (caught.value.file, caught.value.got) == (file, "no column prob_b")


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
    with pytest.raises(DatasetError, match="Nothing describes"):
        described(gone, None, paths.run())
