"""Tables of folds are compared with what training wrote, and cases.csv with what it used."""

from __future__ import annotations

import dataclasses
import logging
import shutil
from pathlib import Path

import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold
from ricenet_v2.store.as_trained import since_training
from ricenet_v2.store.paths import CASES_CSV, ModelPaths
from ricenet_v2.store.raw import load_raw_dataset, write_raw_tables
from ricenet_v2.store.tables import read_rows, write_rows

CASES = tuple(f"c{n}" for n in range(6))
LABELS = dict(zip(CASES, "ababab", strict=True))
PATIENTS = {"c0": "p0", "c1": "p1", "c2": "p2", "c3": "p3", "c4": "p4", "c5": "p4"}
HELD_OUT = (("c0", "c1"), ("c2", "c3"), ("c4", "c5"))
CENTRES = ("Bern", "Basel", "Chur")


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    """cases.csv as the folds were trained, with a test case and a covariate."""
    cases = [
        Case(case, PATIENTS[case], LABELS[case], covariates={"centre": CENTRES[n // 2]})
        for n, case in enumerate(CASES)
    ]
    cases.append(Case("t0", "p9", "a", "test", {"centre": "Bern"}))
    folder = tmp_path / "raw" / "Dataset001_Six"
    write_raw_tables(folder, Dataset(folder.name, (Channel("T1", "mri"),), ("a", "b")), cases)
    return folder


@pytest.fixture
def model(tmp_path: Path) -> ModelPaths:
    """Three folds as training leaves them."""
    made = ModelPaths(tmp_path / "results" / "Dataset001_Six" / "auto__all")
    for fold, held_out in enumerate(HELD_OUT):
        rows = [
            {
                "case_id": case,
                "patient_id": PATIENTS[case],
                "label": LABELS[case],
                "predicted": "a",
                "prob_a": 0.75,
                "prob_b": 0.25,
            }
            for case in held_out
        ]
        write_rows(made.fold(fold).validation, rows)
        train = tuple(case for case in CASES if case not in held_out)
        run = Run("D", "auto", "", fold, ("T1",), 0, "cpu", 1, "finished", 0, (), {}, n_folds=3)
        run = dataclasses.replace(
            run,
            fold_hash=Fold(train, held_out).hash_with(LABELS, PATIENTS),
            validation_hash=sha256_of_file(made.fold(fold).validation),
        )
        documents.write(made.fold(fold).run, run)
    return made


def correct(raw: Path, case_id: str, **changes: object) -> Path:
    there = load_raw_dataset(raw)
    cases = [
        dataclasses.replace(case, **changes) if case.case_id == case_id else case
        for case in there.cases
    ]
    write_raw_tables(raw, there.dataset, cases)
    return raw / CASES_CSV


def edit(path: Path, case_id: str, **cells: str) -> None:
    write_rows(
        path,
        [{**row, **cells} if row["case_id"] == case_id else row for row in read_rows(path)],
    )


def hold_out_centres(model: ModelPaths) -> None:
    for fold, centre in enumerate(CENTRES):
        run = documents.read(Run, model.fold(fold).run)
        run = dataclasses.replace(run, group="centre", held_out=centre)
        documents.write(model.fold(fold).run, run)


def test_what_training_wrote_is_pooled_without_a_word(model, raw, caplog):
    hold_out_centres(model)
    found = pool(model, "1", raw / CASES_CSV)
    assert found.case_ids == CASES
    assert found.covariates == {"centre": ("Bern",) * 2 + ("Basel",) * 2 + ("Chur",) * 2}
    assert [r.message for r in caplog.records if "prior" not in r.message] == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"label": "b"}, "1 case(s) with another label: c2: a then, b now"),
        ({"patient_id": "p0"}, "1 case(s) of another patient: c2: p2 then, p0 now"),
        (
            {"covariates": {"centre": "Chur"}},
            "1 case(s) of another group than their fold held out: c2: centre Basel then, Chur now",
        ),
    ],
)
def test_a_table_that_was_corrected_since_is_refused_with_the_case(model, raw, changes, told):
    hold_out_centres(model)
    table = correct(raw, "c2", **changes)
    with pytest.raises(DatasetError, match="has changed since the folds were trained") as caught:
        pool(model, "1", table)
    assert caught.value.file == table
    assert str(caught.value.got).strip() == told
    assert "--truth" in str(caught.value.remedy)


def test_one_patient_who_becomes_two_is_refused(model, raw):
    with pytest.raises(DatasetError, match="has changed since") as caught:
        pool(model, "1", correct(raw, "c5", patient_id="p5"))
    assert "of another patient: c5: p4 then, p5 now" in str(caught.value.got)


@pytest.mark.parametrize(
    ("case_id", "changes", "told"),
    [
        ("c1", {"patient_id": "x1"}, "whose patient has another id: c1: p1 then, x1 now"),
        ("c3", {"split": "test"}, "now in the split test: c3"),
    ],
)
def test_what_changes_no_metric_is_told(model, raw, caplog, case_id, changes, told):
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        assert len(pool(model, "1", correct(raw, case_id, **changes))) == 6
    assert told in caplog.text


def test_a_case_that_is_gone_is_told_and_new_ones_are_no_matter(model, raw, caplog):
    there = load_raw_dataset(raw)
    new = [Case("c9", "p9", "b"), Case("t1", "p0", "a", "test")]
    write_raw_tables(raw, there.dataset, [*there.cases[1:], *new])
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        assert len(pool(model, "1", raw / CASES_CSV)) == 6
    assert "1 case(s) no longer in the table: c0" in caplog.text
    assert "c9" not in caplog.text


def test_covariates_may_be_added_and_corrected(model, raw):
    table = correct(raw, "c2", covariates={"centre": "Chur", "age": "60"})
    assert pool(model, "1", table).covariates["age"] == ("", "", "60", "", "", "")


def test_a_model_is_pooled_where_the_raw_dataset_is_gone(model, tmp_path):
    assert len(pool(model, "1", tmp_path / "nowhere" / CASES_CSV)) == 6
    assert len(pool(model, "1")) == 6


def test_predictions_are_judged_by_another_table_where_it_is_named(model, raw, caplog):
    table = correct(raw, "c2", label="b")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = pool(model, "1", table, truth=table)
    assert found.truth.tolist() == [0, 1, 1, 1, 0, 1]
    assert found.folds == (0, 0, 1, 1, 2, 2)
    assert "with another label: c2: a then, b now" in caplog.text


@pytest.mark.parametrize(
    ("cells", "told"),
    [
        ({"label": "b"}, "c2: label b in the table of fold 1, a in training"),
        ({"patient_id": "p0"}, "c2: patient p0 in the table of fold 1, p2 in training"),
    ],
)
def test_an_edited_label_or_patient_is_refused_with_its_fold_and_case(model, raw, cells, told):
    """The label of a case is part of the hash of every fold; one table alone was edited."""
    edit(model.fold(1).validation, "c2", **cells)
    with pytest.raises(DatasetError, match="edited after training") as caught:
        pool(model, "1", raw / CASES_CSV)
    assert caught.value.file == model.fold(1).validation
    assert caught.value.got == f"edited since training: fold_1/validation.csv; {told}"
    assert "ricenet_train D 1 --epochs 1 --workspace" in str(caught.value.remedy)
    with pytest.raises(DatasetError, match="edited after training") as caught:
        pool(model, "1")
    assert caught.value.got == "edited since training: fold_1/validation.csv"


def test_an_edited_table_is_no_change_of_cases_csv(model, raw):
    edit(model.fold(1).validation, "c2", label="b")
    (check,) = since_training(model, raw / CASES_CSV)
    assert check.outcome == "doubt"
    assert check.found == (
        "edited since training: fold_1/validation.csv; "
        "c2: label b in the table of fold 1, a in training"
    )


def test_both_tables_are_told_where_both_were_changed(model, raw):
    edit(model.fold(1).validation, "c2", prob_a="0.25", prob_b="0.75")
    (check,) = since_training(model, correct(raw, "c0", label="b"))
    assert check.found == (
        "cases.csv: 1 case(s) with another label: c0: a then, b now; "
        "edited since training: fold_1/validation.csv"
    )


def test_what_is_as_training_left_it_is_fine(model, raw):
    (check,) = since_training(model, raw / CASES_CSV)
    assert check.outcome == "fine"
    shutil.rmtree(model.fold(2).folder)
    (check,) = since_training(model, raw / CASES_CSV)
    assert check.outcome == "fine"


def test_a_fold_of_other_labels_among_the_others_is_named(model, raw):
    """Fold 1 alone was trained after a label was corrected."""
    path = model.fold(1).run
    labels = LABELS | {"c0": "b"}
    train = tuple(case for case in CASES if case not in HELD_OUT[1])
    hashed = Fold(train, HELD_OUT[1]).hash_with(labels, PATIENTS)
    documents.write(path, dataclasses.replace(documents.read(Run, path), fold_hash=hashed))
    with pytest.raises(DatasetError, match="do not record the cases") as caught:
        pool(model, "1")
    assert caught.value.got == "fold 1: trained on others"
    with pytest.raises(DatasetError, match="do not record the cases") as caught:
        pool(model, "1", correct(raw, "c0", label="b"))
    assert caught.value.got == (
        "fold 1: trained on others; c0: label a in the table of fold 0, b in cases.csv"
    )


@pytest.mark.parametrize(("kept", "is_told"), [({"fold_hash": ""}, False), ({}, True)])
def test_records_of_older_versions_refuse_nothing(model, caplog, kept, is_told):
    """Their hash, where there is one, depends on the order of the folds in their file."""
    for fold in range(3):
        path = model.fold(fold).run
        old = dataclasses.replace(documents.read(Run, path), validation_hash="", **kept)
        documents.write(path, old)
    edit(model.fold(1).validation, "c2", label="b")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        assert len(pool(model, "1")) == 6
    assert ("do not record the cases" in caplog.text) == is_told


def test_an_edited_probability_is_told_with_its_file(model, caplog):
    edit(model.fold(1).validation, "c2", prob_a="0.25", prob_b="0.75")
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        pool(model, "1")
    assert f"{model.fold(1).validation} is not as training wrote it" in caplog.text
    assert str(model.fold(0).validation) not in caplog.text


@pytest.mark.parametrize("column", ["case_id", "label", "patient_id", "predicted", "prob_b"])
@pytest.mark.parametrize("fold", [0, 2])
def test_a_column_that_one_table_lacks_is_named_with_the_file(model, column, fold):
    path = model.fold(fold).validation
    rows = [{k: v for k, v in row.items() if k != column} for row in read_rows(path)]
    write_rows(path, rows)
    with pytest.raises(DatasetError, match="lacks columns") as caught:
        pool(model, "1")
    assert (caught.value.file, caught.value.got) == (path, f"no column {column}")


def test_a_table_without_rows_is_named(model):
    path = model.fold(1).validation
    path.write_text(path.read_text(encoding="utf-8").splitlines()[0] + "\n", encoding="utf-8")
    with pytest.raises(DatasetError, match="has no rows") as caught:
        pool(model, "1")
    assert caught.value.file == path


def test_a_copied_fold_is_refused_by_its_record_or_its_cases(model):
    shutil.copytree(model.fold(0).folder, model.fold(3).folder)
    with pytest.raises(DatasetError, match="another fold than its name") as caught:
        pool(model, "1")
    assert caught.value.file == model.fold(3).run
    run = dataclasses.replace(documents.read(Run, model.fold(3).run), fold=3)
    documents.write(model.fold(3).run, run)
    with pytest.raises(DatasetError, match="held out of two folds") as caught:
        pool(model, "1")
    assert (caught.value.file, caught.value.got) == (model.fold(3).validation, "c0, c1")
    shutil.rmtree(model.fold(3).folder)
    model.fold(1).folder.rename(model.folder / "aside")
    model.fold(2).folder.rename(model.fold(1).folder)
    (model.folder / "aside").rename(model.fold(2).folder)
    with pytest.raises(DatasetError, match="another fold than its name") as caught:
        pool(model, "1")
    assert caught.value.file == model.fold(1).run


@pytest.mark.parametrize(
    ("covariates", "told"),
    [
        ({"age": "61", "sex": "F"}, "c2: age 61 now"),
        ({"age": "", "sex": "F"}, "c2: age not known now"),
        ({"age": "60", "sex": "M"}, "c2: sex M now"),
    ],
)
def test_covariates_that_a_comparator_saw_are_compared(model, raw, covariates, told):
    """features.csv as ricenet_baseline writes it: words are columns of 0 and 1."""
    table = correct(raw, "c2", covariates={"age": "60.0", "sex": "F"})
    rows = [
        {"case_id": "c2", "maximum dose": 61.5, "age": 60.0, "sex = M": 0.0},
        {"case_id": "c3", "maximum dose": 54.0, "age": float("nan"), "sex = M": float("nan")},
        {"case_id": "gone", "maximum dose": 50.0, "age": 1.0, "sex = M": 1.0},
    ]
    write_rows(model.features, rows)
    assert len(pool(model, "1", table)) == 6
    with pytest.raises(DatasetError, match="since this comparator was fitted") as caught:
        pool(model, "1", correct(raw, "c2", covariates=covariates))
    assert caught.value.got == told
