"""Whose truth, images and page a prediction gets."""

import dataclasses

import pytest

from ricenet_v2.core import documents
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.metrics import Evaluation, MetricGroup
from ricenet_v2.records.prediction import CasePrediction, MemberPrediction, Predictions
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.reporting.results.predicted import of_folder


def _record(inputs="a", plan="p"):
    ones, zeros = (1.0, 1.0, 1.0), (0, 0, 0)
    return PreprocessedCase(
        "C1", (1, 2, 2, 2), (2, 2, 2), ones, ones, (1.0,) * 9, zeros, (2, 2, 2), "whole image",
        {}, (), inputs, plan,
    )  # fmt: skip


def _read(folder, label="x", split="test", source=None, record=None, hashes=("", "")):
    case = CasePrediction(
        "C1", "y", (0.3, 0.7), (MemberPrediction(0, (0.3, 0.7)),), 0.6, 1.0, (), source
    )
    made = Predictions("D", "auto", "h", {}, ("x", "y"), "mean", True, (case,), ())
    made = dataclasses.replace(made, cases_hash=hashes[0])
    documents.write(folder / "predictions.json", made)
    known = {"C1": Case("C1", "P1", label, split)}
    return of_folder(folder, known, {} if record is None else {"C1": record}, hashes[1])


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_same_images_have_the_label_of_the_table(tmp_path, split):
    (one,) = _read(tmp_path, split=split, source=_record(), record=_record()).cases
    assert (one.truth, one.is_right, one.page) == ("x", False, "C1")
    assert any("was trained on it" in flag for flag in one.flags) == (split == "train")


@pytest.mark.parametrize(
    ("split", "source", "record"),
    [
        ("test", _record("b"), _record()),
        ("train", _record("b"), _record()),
        ("train", None, _record()),
        ("train", _record(), None),
        ("train", _record(plan="q"), _record()),
    ],
)
def test_another_case_of_the_same_id_has_no_label_and_a_page_of_its_own(
    tmp_path, split, source, record
):
    (one,) = _read(tmp_path, split=split, source=source, record=record).cases
    assert one.truth is None
    assert one.is_right is None
    assert one.page == f"C1 in {tmp_path.name}"
    assert any("may be another patient" in flag for flag in one.flags)


@pytest.mark.parametrize(
    ("source", "record"),
    [
        (None, _record()),
        (_record(), None),
        (_record(""), _record()),
        (_record(plan="q"), _record()),
    ],
)
def test_a_test_case_that_is_joined_by_its_id_alone_says_so(tmp_path, source, record):
    (one,) = _read(tmp_path, source=source, record=record).cases
    assert (one.truth, one.page) == ("x", "C1")
    assert any(
        "whether the same images were predicted is not recorded" in flag for flag in one.flags
    )
    (same,) = _read(tmp_path, source=_record(), record=_record()).cases
    assert not any("is not recorded" in flag for flag in same.flags)


def test_cases_of_the_same_table_are_the_same_without_hashes_of_images(tmp_path):
    (same,) = _read(tmp_path, hashes=("t", "t")).cases
    assert (same.truth, same.flags) == ("x", ())
    for hashes in (("t", "u"), ("", ""), ("t", "")):
        (one,) = _read(tmp_path, hashes=hashes).cases
        assert any("is not recorded" in flag for flag in one.flags)


def test_a_case_without_a_label_has_no_truth(tmp_path):
    (one,) = _read(tmp_path, label="").cases
    assert one.truth is None
    assert one.is_right is None


def test_subgroups_that_name_somebody_are_not_read(tmp_path):
    group = MetricGroup("referring_doctor = Who", "subgroup", 4, 4, ((1, 0), (0, 1)), ())
    made = Evaluation("t", ("x", "y"), 4, 4, ((1, 0), (0, 1)), (), 0.95, 10, 0)
    kept = dataclasses.replace(group, name="site = A")
    documents.write(tmp_path / "metrics.json", dataclasses.replace(made, groups=(group, kept)))
    assert _read(tmp_path).evaluation.groups == (kept,)


def test_a_training_case_was_learned_by_the_folds_that_hold_it_for_training(tmp_path):
    members = tuple(MemberPrediction(fold, (0.3, 0.7)) for fold in (0, 1))
    case = CasePrediction("C1", "y", (0.0, 1.0), members, 0.6, 1.0, ())
    made = Predictions("D", "auto", "h", {"a": "b"}, ("x", "y"), "vote", True, (case,), ())
    documents.write(tmp_path / "predictions.json", dataclasses.replace(made, cases_hash="same"))
    known = {"C1": Case("C1", "P1", "x", "train")}
    splits = Splits(0, (Fold(("C2",), ("C1",)), Fold(("C1",), ("C2",))))
    (one,) = of_folder(tmp_path, known, {}, "same", splits).cases
    assert one.learned_by == (1,)
    assert one.is_vote
    assert "a training case: 1 of 2 members that predicted it were trained on it" in one.flags
    (unknown,) = of_folder(tmp_path, known, {}, "same").cases
    assert unknown.learned_by == (0, 1)
