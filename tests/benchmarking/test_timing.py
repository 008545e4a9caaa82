"""Turns, ratios and the bare step; no time is asserted."""

import statistics

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.benchmarking import timing
from ricenet_v2.benchmarking.timing import (
    MeasuredTime,
    alternate,
    make_bench,
    time_steps,
    watched_memory,
)
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.source import Source

ALONE = ProcessGroup(0, 1, torch.device("cpu"))


@pytest.fixture
def bench(make_plan):
    return make_bench(make_plan(kinds=("mri", "dose"), accumulation_steps=2), ALONE)


@pytest.fixture
def batches(bench, write_cases, tmp_path):
    labels = write_cases(tmp_path, bench.plan, 6)
    made = TrainingBatches(Source(CaseReader(tmp_path, [0, 1]), labels, bench.plan, 0), 0, 0)
    yield made
    made.close()


def test_both_take_turns_and_the_first_of_each_does_not_count():
    order: list[str] = []

    def everything(turn: int) -> MeasuredTime:
        order.append(f"everything {turn}")
        return MeasuredTime(
            seconds=(100.0, 6.0, 8.0, 4.0)[turn], waiting=(50.0, 1.0, 2.0, 3.0)[turn]
        )

    def bare() -> float:
        order.append("bare")
        return (100.0, 4.0, 4.0, 4.0)[len(order) // 2 - 1]

    turns = alternate(everything, bare, updates=2, rounds=3)
    expected = [word for turn in range(4) for word in (f"everything {turn}", "bare")]
    assert order == expected
    assert turns.everything == (3.0, 4.0, 2.0)
    assert turns.bare == (2.0, 2.0, 2.0)
    assert turns.waiting == (0.5, 1.0, 1.5)
    assert turns.ratio == 1.5
    assert turns.waiting_share == 0.25


@given(st.lists(st.floats(0.1, 10), min_size=1, max_size=7), st.floats(0.5, 4), st.data())
def test_a_machine_that_slows_down_does_not_change_a_ratio(bare, factor, data):
    slower = [data.draw(st.floats(1, 50)) for _ in bare]
    lone = tuple(seconds * slow for seconds, slow in zip(bare, slower, strict=True))
    full = tuple(factor * seconds for seconds in lone)
    assert timing.ratio(full, lone) == pytest.approx(factor)


def test_the_clock_stands_around_the_work(monkeypatch):
    clock = iter((10.0, 12.5))
    monkeypatch.setattr(timing.time, "perf_counter", lambda: next(clock))
    done: list[int] = []
    assert timing.seconds_of(lambda: done.append(1), ALONE.device) == 2.5
    assert done == [1]


@pytest.mark.parametrize("kind", ["cuda", "mps"])
def test_the_clock_waits_for_the_device_before_and_after(monkeypatch, kind):
    order: list[str] = []
    monkeypatch.setattr(torch.cuda, "synchronize", lambda _device: order.append("cuda"))
    monkeypatch.setattr(torch.mps, "synchronize", lambda: order.append("mps"))
    timing.seconds_of(lambda: order.append("work"), torch.device(kind))
    assert order == [kind, "work", kind]


def test_the_bare_step_takes_the_passes_of_an_update_and_moves_no_weight(bench, batches):
    before = {name: v.clone() for name, v in bench.state.network.state_dict().items()}
    passes: list[int] = []
    bench.wrapped.register_forward_hook(lambda *_: passes.append(1))
    update = bench.bare(next(batches))
    update()
    update()
    assert len(passes) == 2 * bench.plan.training.accumulation_steps
    for name, value in bench.state.network.state_dict().items():
        assert torch.equal(value, before[name]), name
    gradients = [p.grad.abs().sum() for p in bench.state.network.parameters()]
    assert sum(gradients) > 0


def test_the_loop_is_that_which_trains(bench, batches):
    before = {name: v.clone() for name, v in bench.state.network.state_dict().items()}
    spent = bench.train(batches, 0, updates=3)
    assert bench.state.ema.updates == 3
    assert 0 <= spent.waiting <= spent.seconds
    after = bench.state.network.state_dict()
    assert any(not torch.equal(after[name], value) for name, value in before.items())


def test_what_lay_ready_is_used_up_before_the_clock_starts(bench, batches, monkeypatch):
    monkeypatch.setattr(TrainingBatches, "ahead", 5)
    bench.train(batches, 0, updates=1)
    # Five batches are three updates of two.
    assert bench.state.ema.updates == 3 + 1


def test_workers_say_how_much_can_lie_ready(bench, write_cases, tmp_path):
    labels = write_cases(tmp_path, bench.plan, 4)
    made = TrainingBatches(Source(CaseReader(tmp_path, [0, 1]), labels, bench.plan, 0), 0, 1)
    try:
        next(made)
        assert made.ahead >= 3
    finally:
        made.close()


def test_steps_are_timed_round_by_round(bench, batches):
    turns = time_steps(bench, batches, updates=2, rounds=2)
    assert len(turns.everything) == len(turns.bare) == len(turns.waiting) == 2
    assert min(*turns.everything, *turns.bare) > 0
    pairs = zip(turns.everything, turns.bare, strict=True)
    assert turns.ratio == statistics.median(a / b for a, b in pairs)
    # Two updates in each of three turns; the bare ones move no average.
    assert bench.state.ema.updates == 6


def test_off_cuda_no_memory_is_told():
    with watched_memory(ALONE.device) as peak:
        pass
    assert (peak.allocated, peak.reserved) == (None, None)


def test_on_cuda_memory_is_what_the_block_took_at_most(monkeypatch):
    told = {"memory_allocated": 100, "memory_reserved": 200}
    told |= {"max_memory_allocated": 175, "max_memory_reserved": 290}
    for name, value in told.items():
        monkeypatch.setattr(torch.cuda, name, lambda _device, value=value: value)
    for name in ("init", "empty_cache", "reset_peak_memory_stats", "synchronize"):
        monkeypatch.setattr(torch.cuda, name, lambda *_: None)
    with watched_memory(torch.device("cuda")) as peak:
        pass
    assert (peak.allocated, peak.reserved) == (75, 90)
