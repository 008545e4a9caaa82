"""Estimates worked by hand, and what is refused before anything is measured."""

import pytest

from ricenet_v2.benchmarking import stages
from ricenet_v2.benchmarking.measure import Effort, check_preprocessed, estimated
from ricenet_v2.core.errors import DatasetError, TrainingError
from ricenet_v2.records.benchmark import Stage
from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.records.splits import Fold, Splits


def _stage(name: str, measured: float) -> Stage:
    return Stage(name, "s", (measured,), measured)


def test_an_estimate_is_worked_by_hand():
    splits = Splits(0, (Fold(("a", "b"), ("c",)), Fold(("c",), ("a", "b"))))
    measured = (
        _stage(stages.STEP, 0.5),
        _stage(stages.VALIDATION, 0.25),
        _stage(stages.COPYING, 2.0),
        _stage("reading one case", 1000.0),
    )
    plan = TrainingPlan(batch_size=2, accumulation_steps=1, epochs=10, iterations_per_epoch=6)
    estimate = estimated(measured, plan, splits, fold=1, n_mirrorings=4)
    # Epochs: 6 x 0.5 + 1 or 2 x 0.25 + 2; folds: 10 of them and 4 x 1 or 2 x 0.25 at the end.
    assert estimate.epoch == pytest.approx(5.5)
    assert estimate.fold == pytest.approx(57.0)
    assert estimate.all_folds == pytest.approx(57.0 + 53.5)
    assert (estimate.updates, estimate.epochs, estimate.folds) == (6, 10, 2)


@pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (-3, 5)])
def test_an_effort_that_measures_nothing_is_refused(numbers):
    with pytest.raises(TrainingError, match="1 or more"):
        Effort(*numbers)


def test_missing_cases_are_counted_and_named(make_plan, write_cases, tmp_path):
    labels = write_cases(tmp_path, make_plan(), 3)
    splits = Splits(0, (Fold((*labels,), ("gone1",)), Fold((*labels,), ("gone2",))))
    with pytest.raises(DatasetError, match="2 missing: gone1, gone2") as caught:
        check_preprocessed(tmp_path, splits, "7")
    assert "ricenet_plan_and_preprocess 7" in str(caught.value)
    check_preprocessed(tmp_path, Splits(0, (Fold((*labels,), ()),)), "7")
