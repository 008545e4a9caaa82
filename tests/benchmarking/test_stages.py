"""Verdicts on stages, from given numbers."""

import pytest
import torch

from ricenet_v2.benchmarking import stages
from ricenet_v2.benchmarking.timing import Peak
from ricenet_v2.records.benchmark import Stage
from ricenet_v2.records.plan_parts import MemoryEstimate


@pytest.mark.parametrize(
    ("ratio", "limit", "holds"), [(1.1, 1.1, True), (1.11, 1.1, False), (2.0, None, None)]
)
def test_a_limit_holds_up_to_itself(ratio, limit, holds):
    stage = Stage("s", "s", (1.0,), 1.0, ratio=ratio, limit=limit)
    assert stage.holds is holds
    assert Stage("s", "s", (1.0,), 1.0).holds is None


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
