"""How cases are divided: number of folds, repeats, a single holdout, none at all."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from ricenet_v2.core.errors import DatasetError, OptionError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Splits
from ricenet_v2.training.fold_scheme import FoldScheme, RequestedFolds, make_folds
from ricenet_v2.training.holdout import make_holdout
from ricenet_v2.training.splits import check_splits, make_splits

FILE = Path("splits_final.json")


def cohort(**patients: int) -> list[Case]:
    """One case of each patient, so many of each class."""
    return [Case(f"{k}{i:02d}", f"{k}{i:02d}", k) for k, n in patients.items() for i in range(n)]


def test_three_of_sixty_are_trained_with_the_number_of_folds_that_the_refusal_names():
    cases = cohort(a=57, b=3)
    with pytest.raises(DatasetError, match="too small for 5 folds") as caught:
        make_splits(cases)
    assert "--num_folds 3, the most that these cases make" in (caught.value.remedy or "")
    folds = make_splits(cases, n_folds=3).folds
    assert [sum(case[0] == "b" for case in fold.validation) for fold in folds] == [1, 1, 1]


def test_a_class_of_one_patient_makes_no_folds_but_may_be_planned_without():
    cases = cohort(a=9, b=1)
    with pytest.raises(DatasetError) as caught:
        make_splits(cases)
    assert "--num_folds 1" in (caught.value.remedy or "")
    splits = make_splits(cases, n_folds=1)
    assert splits.folds == ()
    assert splits.scheme == splits.described == "none, for a network of all training cases alone"
    check_splits(splits, cases, FILE)
    assert FoldScheme.of(splits) == FoldScheme(n_folds=1)


def test_folds_of_which_one_would_train_without_a_class_are_refused():
    """Patient p0 has both classes and would be held out together with the only other a."""
    labels = {"p0": "baa", "p1": "aa", "p2": "bb"}
    cases = [Case(f"{p}_{n}", p, k) for p, of in labels.items() for n, k in enumerate(of)]
    with pytest.raises(DatasetError, match="too small for 2 folds") as caught:
        make_splits(cases, n_folds=2)
    assert "each class in all trainings" in str(caught.value.expected)
    assert "--num_folds 1" in (caught.value.remedy or "")


def test_repeats_hold_each_case_out_once_each_and_divide_anew():
    cases = cohort(a=12, b=9)
    splits = make_splits(cases, n_folds=3, repeats=4)
    assert (len(splits.folds), splits.n_folds, splits.repeats) == (12, 3, 4)
    divisions = [splits.folds[3 * r : 3 * r + 3] for r in range(4)]
    for division in divisions:
        held_out = Counter(case for fold in division for case in fold.validation)
        assert held_out == Counter(case.case_id for case in cases)
    assert len({frozenset(fold.validation for fold in division) for division in divisions}) == 4
    assert divisions[0] == make_splits(cases, n_folds=3).folds
    assert "3 folds, 4 times" in splits.described
    check_splits(splits, cases, FILE)


def test_a_repeat_that_misses_a_case_is_named():
    cases = cohort(a=6, b=6)
    splits = make_splits(cases, n_folds=2, repeats=2)
    folds = (*splits.folds[:3], splits.folds[2])
    with pytest.raises(DatasetError, match="The folds on disk") as caught:
        check_splits(Splits(splits.seed, folds, repeats=2), cases, FILE)
    assert "exactly one fold of each repeat" in str(caught.value.got)


@pytest.mark.parametrize(("share", "n_a", "n_b"), [("0.25", 5, 2), ("0.01", 1, 1), ("0.99", 19, 7)])
def test_a_share_is_held_out_of_each_class_and_never_all_of_it(share, n_a, n_b):
    cases = cohort(a=20, b=8)
    splits = make_holdout(cases, share)
    (fold,) = splits.folds
    assert Counter(case[0] for case in fold.validation) == {"a": n_a, "b": n_b}
    assert not set(fold.train) & set(fold.validation)
    assert make_holdout(cases[::-1], share) == splits
    check_splits(splits, cases, FILE)


def test_a_share_holds_out_whole_patients():
    cases = [Case(f"{k}{i}_{v}", f"{k}{i}", k) for k in "ab" for i in range(5) for v in range(3)]
    (fold,) = make_holdout(cases, "0.4").folds
    assert not {c[:2] for c in fold.train} & {c[:2] for c in fold.validation}
    assert Counter(case[0] for case in fold.validation) == {"a": 6, "b": 6}


def sided(**sides: str) -> list[Case]:
    return [Case(n, n, n[0], covariates={"part": side}) for n, side in sides.items()]


def test_the_id_of_a_case_may_be_that_of_another_patient():
    """Cases are numbered one further than their patients; patients alone are held out."""
    cases = [Case(f"p{i + 1:02d}", f"p{i:02d}", "ab"[i % 2]) for i in range(20)]
    (fold,) = make_holdout(cases, "0.2").folds
    assert len(fold.validation) == 4
    assert make_holdout(cases, "0.2", seed=1).folds != (fold,)


def test_a_column_says_what_is_held_out():
    cases = sided(a1="train", a2="Val", b1="training", b2="validation ")
    splits = make_holdout(cases, "part")
    assert splits.folds[0].validation == ("a2", "b2")
    assert splits.described == "one validation set, held out by the column part"
    moved = sided(a1="val", a2="train", b1="training", b2="validation ")
    with pytest.raises(DatasetError) as caught:
        check_splits(splits, moved, FILE)
    assert "2 case(s) on the other side by part: a1, a2" in str(caught.value.got)


@pytest.mark.parametrize(
    ("cases", "words"),
    [
        (sided(a1="train", a2="x", b1="train", b2=""), "a2: x, b2: empty"),
        (sided(a1="train", a2="val", b1="train", b2="train"), "held out: a 1, b 0"),
        (sided(a1="val", a2="val", b1="val", b2="val"), "trained on: a 0, b 0"),
        (
            [
                *sided(a1="val", a2="train", b1="val", b2="train"),
                Case("a3", "a1", "a", covariates={"part": "train"}),
            ],
            "patient a1 is on both sides",
        ),
    ],
)
def test_a_column_that_does_not_divide_is_refused(cases, words):
    with pytest.raises(DatasetError) as caught:
        make_holdout(cases, "part")
    assert words in str(caught.value.got)


@pytest.mark.parametrize("holdout", ["0", "1", "1.5", "nan", "nothing"])
def test_neither_a_share_nor_a_column(holdout):
    with pytest.raises(DatasetError, match="Cannot determine which cases") as caught:
        make_holdout(sided(a1="train", a2="val"), holdout)
    assert "part" in str(caught.value.expected)


def test_schemes_are_those_of_the_folds_they_make():
    cases = [
        Case(c.case_id, c.patient_id, c.label, covariates={"site": "xyz"[n % 3]})
        for n, c in enumerate(cohort(a=9, b=9))
    ]
    for scheme in (
        FoldScheme(),
        FoldScheme(3, 2),
        FoldScheme(1),
        FoldScheme(group="site"),
        FoldScheme(holdout="0.3"),
    ):
        assert FoldScheme.of(make_folds(cases, scheme).splits) == scheme
        assert RequestedFolds().scheme(scheme) == scheme


@pytest.mark.parametrize(
    "options",
    [
        {"group": "site", "num_folds": 3},
        {"holdout": "0.2", "repeats": 2},
        {"holdout": "0.2", "group": "site"},
        {"num_folds": 1, "repeats": 2},
    ],
)
def test_options_that_exclude_each_other(options):
    with pytest.raises(OptionError, match="mutually exclusive"):
        RequestedFolds(**options).scheme(None)


def test_stratified_again():
    asked = RequestedFolds(group="none", num_folds=4)
    assert asked.scheme(FoldScheme(group="site")) == FoldScheme(4)
