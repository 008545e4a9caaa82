from __future__ import annotations

import dataclasses
import os
import sys

import pytest
import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan_parts import MemoryEstimate
from ricenet_v2.training.parallel import (
    FoldExit,
    Resources,
    folds_that_fit,
    number_of,
    resources,
    run_folds,
)
from ricenet_v2.training.stop_signal import StopSignal

GB = 1024**3


def _plan_of(plan, gigabytes: int):
    return dataclasses.replace(plan, memory=MemoryEstimate(0, 0, 0, 0, gigabytes * GB, 0, 0, 0, 0))


def test_the_count_by_hand(plan):
    step = _plan_of(plan, 3)
    # 3 GB a step and 1 GB a process (the cases are a few kB): four fifths of 40 GB hold 7.
    assert folds_that_fit(step, 16, 20, Resources(40 * GB, (), 64)) == 7
    assert folds_that_fit(step, 16, 5, Resources(40 * GB, (), 64)) == 5
    assert folds_that_fit(step, 16, 5, Resources(40 * GB, (), 2)) == 2
    assert folds_that_fit(step, 16, 5, Resources(1 * GB, (), 64)) == 1
    assert folds_that_fit(step, 16, 5, Resources(None, (), 64)) == 5
    # On a device: 3.5 GB each of 0.8 x 10 GB, twice.
    assert folds_that_fit(step, 16, 5, Resources(400 * GB, (10 * GB, 10 * GB), 64)) == 4


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
    assert found.device_memory == ()


@pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="this system pins no process")
def test_folds_get_only_the_cores_that_the_process_may_use(monkeypatch):
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 5, 6})
    monkeypatch.setattr(os, "cpu_count", lambda: 64)
    assert resources(torch.device("cpu")).cores == 3


def _commands(**texts: str):
    return {int(key[1:]): [sys.executable, "-c", text] for key, text in texts.items()}


def _ended(commands, number, stop=None):
    events = run_folds(commands, number, stop or StopSignal())
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
        fold: [sys.executable, "-c", text, str(tmp_path), f"run_{fold}"] for fold in range(5)
    }
    assert all(ended.error is None for ended in _ended(commands, 2).values())
    counts = [int(file.read_text()) for file in tmp_path.glob("count_*")]
    assert len(counts) == 5
    assert max(counts) <= 2


def test_a_wish_to_stop_ends_the_running_ones_and_starts_no_other():
    stop = StopSignal()
    events = run_folds(_commands(f0="import time; time.sleep(60)", f1="pass"), 1, stop)
    assert next(events) == "waiting"
    stop.requested = True
    ended = [event for event in events if isinstance(event, FoldExit)]
    assert [event.fold for event in ended] == [0]
