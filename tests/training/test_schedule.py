from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.training.schedule import ScheduleSegment, changed, learning_rate


def _plan(epochs: int = 10, warmup: int = 2) -> TrainingPlan:
    return TrainingPlan(
        batch_size=2,
        accumulation_steps=1,
        epochs=epochs,
        iterations_per_epoch=4,
        learning_rate=1.0,
        warmup_epochs=warmup,
    )


def _rates(plan: TrainingPlan, *segments: ScheduleSegment) -> list[float]:
    return [learning_rate(plan, segments, update) for update in range(segments[-1].epochs * 4)]


def test_warm_up_then_half_a_cosine_by_hand():
    rates = _rates(_plan(), ScheduleSegment(0, 10))
    assert rates[:8] == pytest.approx([(n + 1) / 8 for n in range(8)])
    assert rates[8] == 1.0
    assert rates[24] == pytest.approx(0.5)
    assert rates[-1] == pytest.approx(0.5 * (1 - 0.99518472667219693), rel=1e-3)


def test_the_cosine_is_that_of_torch():
    import torch

    layer = torch.nn.Linear(1, 1)
    optimiser = torch.optim.SGD(layer.parameters(), lr=1.0)
    theirs = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, 40)
    expected = []
    for _ in range(40):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        theirs.step()
    assert _rates(_plan(warmup=0), ScheduleSegment(0, 10)) == pytest.approx(expected)


def test_the_warm_up_takes_at_most_a_fifth_of_a_short_run():
    rates = _rates(_plan(epochs=5, warmup=50), ScheduleSegment(0, 5))
    assert rates.index(1.0) == 3
    assert rates[3:] == sorted(rates[3:], reverse=True)


def test_an_extended_run_climbs_to_the_new_cosine_and_follows_it():
    short, whole = _rates(_plan(), ScheduleSegment(0, 10)), _rates(_plan(), ScheduleSegment(0, 20))
    rates = _rates(_plan(), ScheduleSegment(0, 10), ScheduleSegment(10, 20))
    assert rates[:40] == short
    climbing = rates[39:47]
    assert climbing == sorted(climbing)
    steps = [later - sooner for sooner, later in itertools.pairwise(climbing)]
    assert max(steps) < 0.1
    assert max(rates[39:]) < 0.5
    assert rates[48:] == pytest.approx(whole[48:])


def test_a_leg_that_saw_no_epoch_leaves_no_trace():
    once = changed((ScheduleSegment(0, 10),), 4, 20)
    assert once == (ScheduleSegment(0, 10), ScheduleSegment(4, 20))
    assert changed(once, 4, 30) == (ScheduleSegment(0, 10), ScheduleSegment(4, 30))
    assert changed(once, 7, 20) == once
    assert changed((ScheduleSegment(0, 10),), 0, 30) == (ScheduleSegment(0, 30),)


@given(st.lists(st.integers(1, 12), min_size=1, max_size=5), st.integers(0, 8), st.floats(0.0, 1.0))
def test_any_history_of_changes_keeps_the_rate_between_zero_and_the_peak(lengths, warmup, share):
    plan = _plan(warmup=warmup)
    segments, done = (ScheduleSegment(0, lengths[0]),), 0
    for length in lengths[1:]:
        done += int(share * (segments[-1].epochs - done))
        segments = changed(segments, done, done + length)
    assert all(0.0 <= rate <= 1.0 + 1e-12 for rate in _rates(plan, *segments))
