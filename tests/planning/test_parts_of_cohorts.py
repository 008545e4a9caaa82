import pytest

from ricenet_v2.planning.planner import _n_parts
from ricenet_v2.records.splits import Fold, Splits

CASES = tuple(f"C{n:02d}" for n in range(20))


def folds(n, held_out):
    return tuple(Fold(CASES[held_out:], CASES[:held_out]) for _ in range(n))


@pytest.mark.parametrize(
    ("splits", "n_parts"),
    [
        (Splits(0, ()), 21),  # each training has all cases
        (Splits(0, folds(5, 4)), 5),
        (Splits(0, folds(10, 4), repeats=2), 5),
        (Splits(0, folds(1, 4), holdout="0.2"), 5),
        (Splits(0, folds(1, 6), holdout="0.3"), 3),
        (Splits(0, folds(1, 18), holdout="0.9"), 1),
    ],
)
def test_parts_of_which_each_training_lacks_one(splits, n_parts):
    assert _n_parts(splits, len(CASES)) == n_parts
