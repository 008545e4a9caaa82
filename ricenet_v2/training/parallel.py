"""Several folds at the same time, each in a process of its own."""

from __future__ import annotations

import math
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Literal

import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.machine import GIB, n_cores
from ricenet_v2.core.memory import available_memory
from ricenet_v2.core.names import number
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.reader import CACHE_BYTES
from ricenet_v2.training.stop_signal import StopSignal

PROCESS_BYTES = GIB
"""What a Python process with torch takes in memory before any case."""
_CONTEXT_BYTES = 512 * 1024**2
"""What a process takes of a CUDA device before any tensor."""
_SHARE_OF_MEMORY = 0.8
_SECONDS_BETWEEN_LOOKS = 0.2
_MOST_OF_TEXT = 4000


@dataclass(frozen=True)
class Resources:
    """What the folds share.

    Attributes:
        memory: Free bytes of the machine; None where it cannot be told.
        device_memory: Free bytes of each CUDA device; empty where the CPU computes.
        cores: Processor cores that this process may use.
    """

    memory: int | None
    device_memory: tuple[int, ...]
    cores: int


def resources(device: torch.device) -> Resources:
    """Memory that is free now."""
    free: tuple[int, ...] = ()
    if device.type == "cuda":
        chosen = range(torch.cuda.device_count()) if device.index is None else [device.index]
        free = tuple(torch.cuda.mem_get_info(index)[0] for index in chosen)
    return Resources(available_memory(), free, n_cores())


def folds_that_fit(plan: Plan, n_train: int, n_folds: int, there: Resources) -> int:
    """How many folds can be trained at the same time, by memory and by cores; at least 1.

    Args:
        plan: Says how much memory a training step takes and how large a case is.
        n_train: Cases that a process may keep in memory.
        n_folds: How many there are to train.
        there: What they share.
    """
    cases = 4 * n_train * len(plan.channels) * math.prod(plan.input_size)
    process = PROCESS_BYTES + min(CACHE_BYTES, cases)
    step, fitting = plan.memory.total, min(n_folds, there.cores)
    if there.device_memory:
        each = step + _CONTEXT_BYTES
        on_devices = sum(int(_SHARE_OF_MEMORY * free) // each for free in there.device_memory)
        fitting = min(fitting, on_devices)
    else:
        process += step
    if there.memory is not None:
        fitting = min(fitting, int(_SHARE_OF_MEMORY * there.memory) // process)
    return max(1, fitting)


def number_of(
    requested: str, fitting: int, n_folds: int, option: str = "--num_folds_parallel"
) -> int:
    """How many at the same time an option means.

    Args:
        requested: `auto`, or a number.
        fitting: What `auto` means.
        n_folds: More are not needed.
        option: Named where its value is not usable.

    Raises:
        TrainingError: Neither `auto` nor a number from 1.
    """
    if requested == "auto":
        return fitting
    count = number(requested)
    if not count:
        raise TrainingError(
            f"{option} is not usable.",
            expected="auto, or 1 and more",
            got=requested,
            remedy=f"Give {option} such a number, or leave it out.",
        )
    return min(count, n_folds)


@dataclass(frozen=True)
class FoldExit:
    """How the process of a fold ended; `error` is what it said where it failed."""

    fold: int
    error: str | None


@dataclass(frozen=True)
class _Process:
    running: subprocess.Popen[bytes]
    output: IO[bytes]

    def close(self) -> None:
        """Close the files to a process that has ended."""
        self.output.close()
        if self.running.stdin is not None:
            self.running.stdin.close()

    def ended(self, fold: int) -> FoldExit:
        """How it ended, from its exit code and its last words."""
        self.output.seek(0)
        text = self.output.read().decode(errors="replace")
        self.close()
        if self.running.returncode == 0:
            return FoldExit(fold, None)
        _, marker, error = f"\n{text}".rpartition("\nError: ")
        if marker:
            return FoldExit(fold, error.strip()[-_MOST_OF_TEXT:])
        code = self.running.returncode
        reason = f"signal {-code}" if code < 0 else f"exit code {code}"
        return FoldExit(fold, f"Its process ended by {reason}.\n{text.strip()[-_MOST_OF_TEXT:]}")


def run_folds(
    commands: Mapping[int, Sequence[str]], n_parallel: int, stop: StopSignal
) -> Iterator[FoldExit | Literal["waiting"]]:
    """Run a command for each fold, at most `n_parallel` at the same time.

    Args:
        commands: Command line of each fold; one of `core.lifeline` ends with this process.
        n_parallel: Number of processes.
        stop: When asked, the running ones are asked to end and no other is started.

    Yields:
        Each fold as it ends, and `waiting` a few times a second in between.
    """
    waiting, running = dict(commands), dict[int, _Process]()
    try:
        while running or (waiting and not stop.requested):
            while waiting and len(running) < n_parallel and not stop.requested:
                fold = next(iter(waiting))
                running[fold] = _started(waiting.pop(fold))
            if stop.requested:
                _terminate(running)
            for fold in [f for f, p in running.items() if p.running.poll() is not None]:
                yield running.pop(fold).ended(fold)
            yield "waiting"
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        _terminate(running)
        for process in running.values():
            process.running.wait()
            process.close()


def _started(command: Sequence[str]) -> _Process:
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    running = subprocess.Popen(list(command), stdin=pipe, stdout=nothing, stderr=output)  # noqa: S603
    return _Process(running, output)


def _terminate(running: Mapping[int, _Process]) -> None:
    for process in running.values():
        if process.running.poll() is None:
            process.running.terminate()
