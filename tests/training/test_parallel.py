from __future__ import annotations

import collections
import dataclasses
import os
import sys

import pytest
import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.network.cards import Card
from ricenet_v2.records.plan_parts import MemoryEstimate
from ricenet_v2.training import memory
from ricenet_v2.training.parallel import (
    FoldDemand,
    FoldExit,
    Resources,
    folds_that_fit,
    number_of,
    resources,
    run_folds,
    slots_for,
    workers_beside,
)
from ricenet_v2.training.slots import TrainingSlot
from ricenet_v2.training.stop_signal import StopSignal

GB = 1024**3


def _demand(plan, gigabytes: int, **more):
    planned = dataclasses.replace(
        plan, memory=MemoryEstimate(0, 0, 0, 0, gigabytes * GB, 0, 0, 0, 0)
    )
    return FoldDemand(planned, 16, planned.training.batch_size, **more)


def _cards(*gigabytes: float):
    return tuple(Card(n, int(size * GB), str(n)) for n, size in enumerate(gigabytes))


def test_the_count_by_hand(plan):
    step = _demand(plan, 3)
    # 3 GB a step, 1 GB a process and 1/8 GB a process that loads (the cases are a few kB): four
    # fifths of 40 GB hold 7.
    assert folds_that_fit(step, 20, Resources(40 * GB, (), 64)) == 7
    assert folds_that_fit(step, 5, Resources(40 * GB, (), 64)) == 5
    assert folds_that_fit(step, 5, Resources(40 * GB, (), 2)) == 2
    assert folds_that_fit(step, 5, Resources(1 * GB, (), 64)) == 1
    assert folds_that_fit(step, 5, Resources(None, (), 64)) == 5
    # On a device: 3.5 GB each of 0.8 x 10 GB, twice.
    assert folds_that_fit(step, 5, Resources(400 * GB, _cards(10, 10), 64)) == 4
    # Ten processes that load take as much as the step.
    loading = _demand(plan, 0, num_workers=24)
    assert folds_that_fit(loading, 20, Resources(40 * GB, _cards(999), 64)) == 7


def test_host_memory_of_large_batches_is_counted(plan):
    """Page-locked batches and samples on their way were 27 GiB that nobody had reckoned with."""
    large = dataclasses.replace(plan, input_size=(256, 256, 256))  # 128 MiB a case, two channels
    demand = FoldDemand(large, 16, batch_size=32)
    # 1 GiB the process, 2 the cases, 0.625 the sample at work and two that wait; 12 three batches.
    assert demand.of_machine / GB == pytest.approx(3.625, abs=0.01)
    assert folds_that_fit(demand, 20, Resources(40 * GB, (), 64)) == 8
    assert folds_that_fit(demand, 5, Resources(40 * GB, _cards(999), 64)) == 2


def test_what_the_step_takes_follows_the_batch(plan):
    stated = MemoryEstimate(100, 50, 200, 100, 1000, 40, 60, 1, 1)
    plan = dataclasses.replace(plan, memory=stated)
    assert memory.step_bytes(plan) == stated.total == 1550
    assert memory.step_bytes(plan, 2 * plan.training.batch_size) == 450 + 2 * 1100
    assert memory.state_bytes(plan) == 2 * (100 + 200 + 100)


def test_processes_that_load_share_the_cores_out(plan):
    there = Resources(400 * GB, _cards(40, 40), 32)
    assert workers_beside(_demand(plan, 3), torch.device("cuda"), 2, there) == 15
    assert workers_beside(_demand(plan, 3, num_workers=3), torch.device("cuda"), 2, there) == 3


def test_the_wish_of_the_user():
    assert number_of("auto", 3, 5) == 3
    assert number_of("4", 3, 5) == 4
    assert number_of("9", 3, 5) == 5
    for wrong in ("0", "-1", "all", "1.5"):
        with pytest.raises(TrainingError, match="--num_folds_parallel"):
            number_of(wrong, 3, 5)


def test_the_machine_can_tell_what_it_has():
    found = resources(torch.device("cpu"))
    assert found.cores >= 1
    assert found.cards == ()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_folds_get_only_the_cores_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 6})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert resources(torch.device("cpu")).cores == 3


def _always(*words: str):
    return lambda _place: list(words)


def _commands(**texts: str):
    return {int(key[1:]): _always(sys.executable, "-c", text) for key, text in texts.items()}


def _ended(commands, number, stop=None):
    events = run_folds(commands, [TrainingSlot()] * number, stop or StopSignal())
    return {event.fold: event for event in events if isinstance(event, FoldExit)}


def test_each_fold_ends_with_what_it_said():
    fail = "import sys; print('noise\\nError: no such case', file=sys.stderr); sys.exit(2)"
    die = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    found = _ended(_commands(f0="pass", f1=fail, f2=die, f3="1 / 0"), 4)
    assert found[0].error is None
    assert found[1].error == "no such case"
    assert "signal 9" in found[2].error
    assert "ZeroDivisionError" in found[3].error


def test_no_more_than_so_many_run_at_a_time(tmp_path):
    text = (
        "import pathlib, time, sys; here = pathlib.Path(sys.argv[1]);"
        "mine = here / sys.argv[2]; mine.touch();"
        "(here / f'count_{sys.argv[2]}').write_text(str(len(list(here.glob('run_*')))));"
        "time.sleep(0.3); mine.unlink()"
    )
    commands = {
        fold: _always(sys.executable, "-c", text, str(tmp_path), f"run_{fold}") for fold in range(5)
    }
    assert all(ended.error is None for ended in _ended(commands, 2).values())
    counts = [int(file.read_text()) for file in tmp_path.glob("count_*")]
    assert len(counts) == 5
    assert max(counts) <= 2


def test_a_wish_to_stop_ends_the_running_ones_and_starts_no_other():
    stop = StopSignal()
    events = run_folds(
        _commands(f0="import time; time.sleep(60)", f1="pass"), [TrainingSlot()], stop
    )
    assert next(events) == "waiting"
    stop.requested = True
    ended = [event for event in events if isinstance(event, FoldExit)]
    assert [event.fold for event in ended] == [0]


_TELLS_CARD = """
import os, pathlib, sys, time
pathlib.Path(sys.argv[1]).write_text(os.environ["CUDA_VISIBLE_DEVICES"])
time.sleep(float(sys.argv[2]))
"""


@pytest.mark.parametrize(
    ("gigabytes", "wanted", "most"),
    [
        ((12, 12), "auto", {"0": 1, "1": 1}),  # fold 2 was put beside fold 0, on a full device
        ((12, 12), "2", {"0": 1, "1": 1}),
        ((80, 8), "2", {"0": 2}),  # fold 1 was put on the device that has no room for it
        ((24, 12), "auto", {"0": 2, "1": 1}),
    ],
)
def test_folds_run_where_there_is_memory_for_them(plan, tmp_path, gigabytes, wanted, most):
    demand, there = _demand(plan, 8), Resources(512 * GB, _cards(*gigabytes), 32)
    number = number_of(wanted, folds_that_fit(demand, 5, there), 5)
    slots = slots_for(demand, number, there)
    assert len(slots) == sum(most.values())
    running, on_card = collections.Counter(), {}

    def command(fold):
        def begin(slot):
            card = slot.card.word
            assert running[card] < most[card]
            # Never two on one device while another with room idles.
            assert not running[card] or all(running[other] for other in most)
            running[card] += 1
            on_card[fold] = card
            seconds = "1.5" if fold == 0 else "0.2"
            return [sys.executable, "-c", _TELLS_CARD, str(tmp_path / str(fold)), seconds]

        return begin

    for event in run_folds({fold: command(fold) for fold in range(5)}, slots, StopSignal()):
        if isinstance(event, FoldExit):
            assert event.error is None
            running[on_card[event.fold]] -= 1
    assert set(on_card.values()) == set(most)
    assert on_card == {fold: (tmp_path / str(fold)).read_text() for fold in range(5)}
