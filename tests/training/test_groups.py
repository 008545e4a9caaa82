"""Folds that hold out one centre each."""

from __future__ import annotations

import dataclasses
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case
from ricenet_v2.training.groups import make_group_splits
from ricenet_v2.training.splits import check_splits

FILE = Path("splits_final.json")


def _case(case_id: str, label: str, centre: str, patient: str = "", split="train") -> Case:
    return Case(case_id, patient or case_id, label, split, {"centre": centre})


def _cohort(sizes: dict[str, tuple[int, int]]) -> list[Case]:
    """Cases of the classes a and b by centre."""
    return [
        _case(f"{centre}_{label}{i}", label, centre)
        for centre, counts in sizes.items()
        for label, n in zip("ab", counts, strict=True)
        for i in range(n)
    ]


def _with(cases: list[Case], case_id: str, centre: str) -> list[Case]:
    """The cases with one of them moved to another centre."""
    moved = {"covariates": {"centre": centre}}
    return [dataclasses.replace(c, **moved) if c.case_id == case_id else c for c in cases]


@st.composite
def cohorts(draw):
    """Two to six centres, each with patients of both classes of one to three visits."""
    cases = []
    for centre in range(draw(st.integers(2, 6))):
        for label in "ab":
            for number in range(draw(st.integers(1, 6))):
                patient = f"{centre}{label}{number}"
                cases += [
                    _case(f"{patient}_{visit}", label, f"C{centre}", patient)
                    for visit in range(draw(st.integers(1, 3)))
                ]
    # A test case may lie anywhere, and be of no centre.
    cases.append(_case("test", "a", draw(st.sampled_from(["C0", "elsewhere", ""])), "t", "test"))
    return draw(st.permutations(cases))


@settings(max_examples=30)
@given(cohorts(), st.randoms(use_true_random=False))
def test_each_centre_is_held_out_once_with_all_of_its_patients(cases, random):
    centre = {case.case_id: case.covariates["centre"] for case in cases}
    patient = {case.case_id: case.patient_id for case in cases}
    train = {case.case_id for case in cases if case.split == "train"}
    made = make_group_splits(cases, "centre").splits
    assert Counter(c for fold in made.folds for c in fold.validation) == Counter(train)
    assert made.held_out == tuple(sorted({centre[case] for case in train}))
    for fold in made.folds:
        assert set(fold.train) | set(fold.validation) == train
        assert {centre[case] for case in fold.validation} == {fold.held_out}
        assert fold.held_out not in {centre[case] for case in fold.train}
        assert not {patient[c] for c in fold.train} & {patient[c] for c in fold.validation}
    check_splits(made, cases, FILE)
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert make_group_splits(shuffled, "centre").splits == made


def test_numbers_are_in_their_order_and_blanks_around_a_name_do_not_count():
    sizes = {"10": (2, 2), "9 ": (2, 2), "1.5": (2, 2)}
    made = make_group_splits(_cohort(sizes), "centre").splits
    assert made.held_out == ("1.5", "9", "10")


@pytest.mark.parametrize(
    ("cases", "told"),
    [
        (_with(_cohort({"A": (3, 3), "B": (3, 3)}), "A_a0", "n/a"), "no centre is given for A_a0"),
        (
            _cohort({"Ulm 1": (3, 3), "ulm_1": (3, 3)}),
            "'Ulm 1' and 'ulm_1' differ only in spelling",
        ),
        (_cohort({"1.5": (3, 3), "1.50": (3, 3)}), "'1.5' and '1.50' differ only in spelling"),
        (
            [*_cohort({"A": (3, 3), "B": (3, 3)}), _case("again", "a", "B", "A_a0")],
            "patient A_a0 is in several: A, B",
        ),
        (_cohort({"A": (9, 9)}), "1 among 18 training patients: A"),
        (
            [_case(f"{k}{i}", k, f"{k}{i}") for k in "ab" for i in range(6)],
            "12 among 12 training patients",
        ),
        (_cohort({"A": (5, 0), "B": (5, 5)}), "b: B"),
        (
            _cohort({"D": (0, 3), "A": (5, 0), "B": (4, 0), "C": (0, 5)}),
            "A: a, B: a, C: b, D: b",
        ),
    ],
)
def test_groups_that_cannot_be_held_out_are_refused_by_name(cases, told):
    with pytest.raises(DatasetError) as caught:
        make_group_splits(cases, "centre")
    assert told in str(caught.value.got)


def test_all_faults_of_the_column_stand_in_one_text():
    cases = [*_cohort({"A": (3, 3), "a": (3, 3), "": (2, 2)}), _case("again", "a", "a", "A_b1")]
    with pytest.raises(DatasetError) as caught:
        make_group_splits(cases, "centre")
    told = str(caught.value)
    assert all(words in told for words in ("_a0, _a1, _b0, _b1", "'A' and 'a'", "patient A_b1"))


def test_a_column_that_is_not_there_is_answered_with_those_that_are():
    with pytest.raises(DatasetError, match="cannot be grouped") as caught:
        make_group_splits(_cohort({"A": (3, 3), "B": (3, 3)}), "label")
    assert str(caught.value.expected).endswith("cases.csv: centre")


def test_small_centres_of_one_class_are_warned_of_once_for_each_kind():
    sizes = {"A": (12, 12), "B": (4, 0), "C": (3, 2)}
    kinds = make_group_splits(_cohort(sizes), "centre").warnings
    assert [text.partition(": ")[2] for text in kinds] == [
        "B (no b)",
        "B (4), C (5)",
        "A (2 of b)",
        "A (9 of 33 cases)",
    ]
    assert not make_group_splits(_cohort(dict.fromkeys("ABC", (9, 9))), "centre").warnings


def test_a_centre_without_which_centres_tell_classes_is_warned_of():
    """A network of B and C may tell the centre; without B, or C, it cannot do so alone."""
    kinds = make_group_splits(_cohort({"A": (12, 12), "B": (12, 0), "C": (0, 12)}), "centre")
    (text,) = [text for text in kinds.warnings if "may learn the centre" in text]
    assert text.partition(": ")[2] == "A"


def test_many_centres_are_many_trainings():
    many = _cohort({f"C{i:02d}": (5, 5) for i in range(21)})
    assert make_group_splits(many, "centre").warnings == ("21 folds mean 21 trainings.",)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda cases: _with(cases, "A_a0", "B"), "A_a0 (B, its fold holds out A)"),
        (lambda cases: _with(cases, "A_a0", ""), "A_a0 (none, its fold holds out A)"),
        (
            lambda cases: [dataclasses.replace(c, covariates={"site": "A"}) for c in cases],
            "cases.csv has no column centre any more",
        ),
    ],
)
def test_folds_are_refused_once_a_case_is_of_another_centre(change, told):
    cases = _cohort({"A": (3, 3), "B": (3, 3)})
    made = make_group_splits(cases, "centre").splits
    check_splits(made, cases, FILE)
    with pytest.raises(DatasetError) as caught:
        check_splits(made, change(cases), FILE)
    assert told in str(caught.value.got)


def test_two_folds_cannot_hold_out_one_centre():
    cases = _cohort({"A": (3, 3), "B": (3, 3), "C": (3, 3)})
    made = make_group_splits(cases, "centre").splits
    both = [
        dataclasses.replace(case, covariates={"centre": "A"}) if case.case_id[0] == "B" else case
        for case in cases
    ]
    folds = tuple(
        dataclasses.replace(fold, held_out=name)
        for fold, name in zip(made.folds, "AAC", strict=True)
    )
    with pytest.raises(DatasetError) as caught:
        check_splits(dataclasses.replace(made, folds=folds), both, FILE)
    assert caught.value.got == "several folds hold out A"


@pytest.mark.parametrize("cell", ["NA", "n/a", "None", "?", "-", "unknown"])
def test_a_word_for_nothing_is_no_group(cell: str) -> None:
    cases = _with(_cohort({"A": (3, 3), "B": (3, 3)}), "A_a0", cell)
    with pytest.raises(DatasetError, match="no centre is given for A_a0"):
        make_group_splits(cases, "centre")
