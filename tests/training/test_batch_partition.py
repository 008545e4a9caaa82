from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.training.batch_partition import BatchPartition


def _plan(batch: int, steps: int) -> TrainingPlan:
    return TrainingPlan(
        batch_size=batch, accumulation_steps=steps, epochs=1, iterations_per_epoch=1
    )


@given(st.integers(1, 12), st.integers(1, 12), st.integers(1, 8))
def test_every_sample_of_an_update_is_the_work_of_one_process(batch, steps, world):
    assume(steps % world == 0 or batch % world == 0)
    shares = [BatchPartition(rank, world).positions(_plan(batch, steps)) for rank in range(world)]
    shown = sorted(place for share in shares for step in share for place in step)
    assert shown == list(range(batch * steps))
    assert len({tuple(len(step) for step in share) for share in shares}) == 1


def test_whole_steps_are_shared_first_and_then_their_samples():
    assert BatchPartition(1, 2).positions(_plan(2, 4)) == ((2, 3), (6, 7))
    assert BatchPartition(1, 2).positions(_plan(4, 3)) == ((2, 3), (6, 7), (10, 11))
    assert BatchPartition().positions(_plan(2, 2)) == ((0, 1), (2, 3))


def test_what_cannot_be_shared_equally_is_refused_with_the_numbers():
    with pytest.raises(TrainingError, match="2 processes, 3 accumulation steps of 5 samples"):
        BatchPartition(0, 2).positions(_plan(5, 3))
