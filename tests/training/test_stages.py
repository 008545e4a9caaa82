"""Estimates and verdicts from given numbers."""

import pytest
import torch

from ricenet_v2.core.errors import DatasetError, TrainingError
from ricenet_v2.records.benchmark import Stage
from ricenet_v2.records.plan_parts import MemoryEstimate, TrainingPlan
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.training import stages
from ricenet_v2.training.benchmark import Effort, check_preprocessed, estimated
from ricenet_v2.training.timing import Peak


def _stage(name: str, measured: float) -> Stage:
    return Stage(name, "s", (measured,), measured)


def test_an_estimate_is_worked_by_hand():
    splits = Splits(0, (Fold(("a", "b"), ("c",)), Fold(("c",), ("a", "b"))))
    measured = (
        _stage(stages.STEP, 0.5),
        _stage(stages.VALIDATION, 0.25),
        _stage(stages.SAVING, 2.0),
        _stage("reading one case", 1000.0),
    )
    plan = TrainingPlan(batch_size=2, accumulation_steps=1, epochs=10, iterations_per_epoch=6)
    found = estimated(measured, plan, splits, fold=1, n_mirrorings=4)
    # Epochs: 6 x 0.5 + 1 or 2 x 0.25 + 2; folds: 10 of them and 4 x 1 or 2 x 0.25 at the end.
    assert found.epoch == pytest.approx(5.5)
    assert found.fold == pytest.approx(57.0)
    assert found.all_folds == pytest.approx(57.0 + 53.5)
    assert (found.updates, found.epochs, found.folds) == (6, 10, 2)


@pytest.mark.parametrize(
    ("ratio", "limit", "holds"), [(1.1, 1.1, True), (1.11, 1.1, False), (2.0, None, None)]
)
def test_a_limit_holds_up_to_itself(ratio, limit, holds):
    stage = Stage("s", "s", (1.0,), 1.0, ratio=ratio, limit=limit)
    assert stage.holds is holds
    assert _stage("s", 1.0).holds is None


class _Job:
    """What the memory of a job is judged by."""

    def __init__(self, plan):
        self.plan, self.device = plan, torch.device("cpu")


@pytest.mark.parametrize(
    ("precision", "taken", "holds"),
    [("float32", 109, True), ("float32", 111, False), ("bfloat16", 111, None)],
)
def test_memory_is_judged_where_the_plan_counted_the_same_precision(
    make_plan, precision, taken, holds
):
    plan = make_plan()
    object.__setattr__(plan, "memory", MemoryEstimate(100, *[0] * 8, precision=precision))
    (stage,) = stages.memory(_Job(plan), Peak(taken, 500))
    assert (stage.measured, stage.reference) == (taken, 100)
    assert stage.ratio == pytest.approx(taken / 100)
    assert stage.holds is holds
    assert ("bfloat16" in stage.note) == (holds is None)


def test_memory_is_no_stage_without_cuda(make_plan):
    assert not list(stages.memory(_Job(make_plan()), Peak()))


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
