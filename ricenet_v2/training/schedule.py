"""The learning rate of each update, also of a run whose number of epochs was changed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ricenet_v2.records.plan_parts import TrainingPlan


@dataclass(frozen=True)
class ScheduleSegment:
    """A stretch of a run: from `first_epoch` on, the run was meant to have `epochs` in all."""

    first_epoch: int
    epochs: int


ScheduleSegments = tuple[ScheduleSegment, ...]


def changed(segments: ScheduleSegments, done: int, epochs: int) -> ScheduleSegments:
    """The segments of a run that goes on after `done` epochs towards `epochs` in all."""
    if segments[-1].epochs == epochs:
        return segments
    kept = tuple(segment for segment in segments if segment.first_epoch < done)
    return (*kept, ScheduleSegment(done if kept else 0, epochs))


def learning_rate(plan: TrainingPlan, segments: ScheduleSegments, update: int) -> float:
    """Linear warm-up, then half a cosine to 0.

    A run whose number of epochs was changed moves, within the length of a warm-up, in a straight
    line from the rate where it stood to the cosine over the new number of epochs, and follows it.

    Args:
        plan: Peak, warm-up and updates of an epoch; a warm-up takes at most a fifth of a segment.
        segments: The stretches of the run, the first from epoch 0.
        update: Number of the update, from 0.
    """
    started = [
        segment for segment in segments if segment.first_epoch * plan.iterations_per_epoch <= update
    ]
    return _rate(plan, tuple(started), update)


def _rate(plan: TrainingPlan, segments: ScheduleSegments, update: int) -> float:
    segment = segments[-1]
    target = _cosine(plan, segment.epochs, update)
    start = segment.first_epoch * plan.iterations_per_epoch
    length = _warmup(plan, segment.epochs - segment.first_epoch)
    if len(segments) == 1 or update - start >= length:
        return target
    before = _rate(plan, segments[:-1], start - 1)
    return before + (target - before) * (update - start + 1) / length


def _cosine(plan: TrainingPlan, epochs: int, update: int) -> float:
    total, warmup = epochs * plan.iterations_per_epoch, _warmup(plan, epochs)
    if update < warmup:
        return plan.learning_rate * (update + 1) / warmup
    done = (update - warmup) / max(1, total - warmup)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def _warmup(plan: TrainingPlan, epochs: int) -> int:
    return min(
        plan.warmup_epochs * plan.iterations_per_epoch, epochs * plan.iterations_per_epoch // 5
    )
