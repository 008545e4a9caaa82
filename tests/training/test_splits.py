from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.training.splits import check_splits, make_splits


@st.composite
def cohorts(draw):
    """Patients of one class each, with one to three cases; some cases are held out."""
    cases = []
    for label in ("a", "b", "c")[: draw(st.integers(2, 3))]:
        for number in range(draw(st.integers(5, 20))):
            for visit in range(draw(st.integers(1, 3))):
                patient = f"{label}{number}"
                cases.append(Case(f"{patient}_{visit}", patient, label))
    tests = [Case(f"t{i}", f"tp{i}", "a", "test") for i in range(draw(st.integers(0, 3)))]
    return draw(st.permutations(cases + tests))


@settings(max_examples=15, deadline=None)
@given(cohorts())
def test_every_training_case_is_validated_once_and_no_patient_is_on_both_sides(cases):
    patient = {case.case_id: case.patient_id for case in cases}
    train = {case.case_id for case in cases if case.split == "train"}
    folds = make_splits(cases).folds
    assert Counter(c for fold in folds for c in fold.validation) == Counter(train)
    for fold in folds:
        assert set(fold.train) | set(fold.validation) == train
        assert not {patient[c] for c in fold.train} & {patient[c] for c in fold.validation}


@settings(max_examples=15, deadline=None)
@given(cohorts(), st.randoms(use_true_random=False))
def test_the_order_of_the_cases_does_not_matter(cases, random):
    shuffled = list(cases)
    random.shuffle(shuffled)
    assert make_splits(cases) == make_splits(shuffled)


@settings(max_examples=20, deadline=None)
@given(st.integers(5, 40), st.integers(5, 40))
def test_each_fold_has_its_share_of_each_class(n_a, n_b):
    sizes = {"a": n_a, "b": n_b}
    cases = [Case(f"{k}{i}", f"{k}{i}", k) for k, n in sizes.items() for i in range(n)]
    for fold in make_splits(cases).folds:
        found = Counter(case[0] for case in fold.validation)
        for label, n in sizes.items():
            assert n // 5 <= found[label] <= -(-n // 5)


def test_another_seed_makes_other_folds_and_the_same_seed_the_same():
    cases = [Case(f"{k}{i}", f"{k}{i}", k) for k in "ab" for i in range(10)]
    assert make_splits(cases, seed=1) == make_splits(cases, seed=1)
    assert make_splits(cases, seed=1).folds != make_splits(cases, seed=2).folds


def test_too_few_patients_of_a_class_are_counted_in_the_refusal():
    cases = [Case(f"a{i}", f"a{i}", "a") for i in range(9)]
    cases += [Case(f"b{i}", f"b{i // 3}", "b") for i in range(12)]
    with pytest.raises(DatasetError, match="too small for 5 folds") as caught:
        make_splits(cases)
    assert "a: 9, b: 4" in str(caught.value)


def test_a_cohort_without_training_cases_is_refused():
    with pytest.raises(DatasetError, match="no training cases"):
        make_splits([Case("t", "t", "a", "test")])


@pytest.mark.parametrize("n_folds", [2, 3, 10])
def test_folds_of_any_number_are_those_of_their_cases(n_folds):
    cases = [Case(f"{k}{i}", f"{k}{i}", k) for k in "ab" for i in range(10)]
    made = make_splits(cases, n_folds=n_folds)
    assert len(made.folds) == n_folds
    check_splits(made, cases, Path("splits_final.json"))


@pytest.mark.parametrize("held_out", [("a",), ("a", "b", "c")])
def test_a_case_that_is_not_held_out_once_is_named(held_out):
    """Case b is held out of no fold, or of both."""
    cases = [Case(name, name, "x") for name in "abc"]
    sides = [(*held_out,), ("c",) if len(held_out) == 1 else ("b",)]
    folds = tuple(Fold(tuple(sorted(set("abc") - set(side))), side) for side in sides)
    with pytest.raises(DatasetError) as caught:
        check_splits(Splits(0, folds), cases, Path("splits_final.json"))
    assert caught.value.got == "1 case(s) not held out of exactly one fold: b"


@pytest.mark.parametrize("number", [0, 1])
def test_a_fold_with_a_patient_on_both_sides_is_named(number):
    """Of two folds of four cases, of which two are of one patient."""
    cases = [Case(case, case[:1], "x") for case in ("a1", "a2", "b1", "c1")]
    held_out = [("a1", "b1"), ("a2", "c1")], [("a1", "a2"), ("b1", "c1")]
    ids = {case.case_id for case in cases}
    wrong, right = ([Fold(tuple(sorted(ids - {*v})), v) for v in pair] for pair in held_out)
    check_splits(Splits(0, tuple(right)), cases, Path("splits_final.json"))
    folds = (wrong[0], right[1]) if number == 0 else (right[0], wrong[1])
    with pytest.raises(DatasetError, match=f"fold {number} has patients on both sides: a"):
        check_splits(Splits(0, folds), cases, Path("splits_final.json"))
