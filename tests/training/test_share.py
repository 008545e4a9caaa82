import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan import TrainingPlan
from ricenet_v2.training.share import Share

SMALL = st.integers(1, 8)


def _fits(accumulation: int, batch: int, world: int) -> bool:
    return accumulation % world == 0 or batch % world == 0


@given(accumulation=SMALL, batch=SMALL, world=SMALL, updates=st.integers(1, 4))
def test_the_processes_share_the_samples_of_each_update_without_rest(
    accumulation, batch, world, updates
):
    assume(_fits(accumulation, batch, world))
    training = TrainingPlan(batch, accumulation, 1, updates)
    shares = [Share(rank, world) for rank in range(world)]
    assert len({share.batch_size(training) for share in shares}) == 1
    for update in range(updates):
        found = []
        for share in shares:
            n_steps = share.accumulation_steps(training)
            steps = range(update * n_steps, (update + 1) * n_steps)
            dealt = [share.positions(training, step) for step in steps]
            assert {len(one) for one in dealt} == {share.batch_size(training)}
            found += [position for one in dealt for position in one]
        size = accumulation * batch
        assert sorted(found) == list(range(update * size, (update + 1) * size))


def test_whole_micro_batches_are_dealt_where_possible():
    training = TrainingPlan(batch_size=4, accumulation_steps=4, epochs=1, iterations_per_epoch=1)
    assert Share(0, 2).batch_size(training) == 4
    assert [list(Share(1, 2).positions(training, step)) for step in range(2)] == [
        [4, 5, 6, 7],
        [12, 13, 14, 15],
    ]
    training = TrainingPlan(batch_size=4, accumulation_steps=3, epochs=1, iterations_per_epoch=1)
    assert list(Share(1, 2).positions(training, 0)) == [2, 3]


@given(accumulation=SMALL, batch=SMALL, world=SMALL)
def test_what_cannot_be_shared_out_is_an_error_with_the_numbers(accumulation, batch, world):
    assume(not _fits(accumulation, batch, world))
    training = TrainingPlan(batch, accumulation, 1, 1)
    with pytest.raises(TrainingError, match=f"accumulation_steps {accumulation}, batch_size"):
        Share(0, world).batch_size(training)
