"""Several folds at the same time, each in a process of its own."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Literal, TypeAlias

import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.machine import GIB, n_cores
from ricenet_v2.core.memory import available_memory
from ricenet_v2.core.names import number
from ricenet_v2.network import cards as network_cards
from ricenet_v2.network.cards import Card
from ricenet_v2.records.plan import Plan
from ricenet_v2.training import memory
from ricenet_v2.training.data_flow import data_flow, least_loading_bytes
from ricenet_v2.training.reader import CACHE_BYTES
from ricenet_v2.training.slots import FreeSlots, Need, TrainingSlot, slots_of, slots_on
from ricenet_v2.training.stop_signal import StopSignal

_SECONDS_BETWEEN_LOOKS = 0.2
_MOST_OF_TEXT = 4000


@dataclass(frozen=True)
class Resources:
    """Resources that the folds share.

    Attributes:
        memory: Free bytes of the machine; None where it is unknown.
        cards: CUDA devices with their free memory; empty where none of them computes.
        cores: Processor cores that this process may use.
    """

    memory: int | None
    cards: tuple[Card, ...]
    cores: int


def resources(device: torch.device) -> Resources:
    """Free resources; CUDA is not initialised in this process."""
    return Resources(available_memory(), network_cards.cards(device), n_cores())


@dataclass(frozen=True)
class FoldDemand:
    """Settings that determine the memory of each training.

    Attributes:
        plan: Plan with the memory of a step, and the size of a case.
        n_train: Training cases.
        batch_size: Samples of a step, where it is not that of the plan.
        num_workers: Processes of each that load, as the user says; None leaves it to the machine.
        cache_gb: Memory in which each keeps cases, in GiB; None is the usual one.
        device_cache_gb: The same of the device; None is as much as the cases take, if that is free.
    """

    plan: Plan
    n_train: int
    batch_size: int
    num_workers: int | None = None
    cache_gb: float | None = None
    device_cache_gb: float | None = None

    @property
    def of_device(self) -> Need:
        """Bytes of a CUDA device."""
        cases = self.n_train * memory.stored_bytes(self.plan)
        if self.device_cache_gb is not None and self.device_cache_gb * GIB < cases:
            cases = 0
        return Need(memory.step_bytes(self.plan, self.batch_size), cases)

    @property
    def of_machine(self) -> int:
        """Bytes of main memory, with the fewest processes and samples that a training loads by."""
        cases = self.n_train * memory.sample_bytes(self.plan)
        kept = CACHE_BYTES if self.cache_gb is None else int(self.cache_gb * GIB)
        loading = least_loading_bytes(self.plan, self.num_workers)
        state = memory.state_bytes(self.plan)
        return memory.PROCESS_BYTES + min(kept, cases) + loading + state


def folds_that_fit(demand: FoldDemand, n_folds: int, there: Resources) -> int:
    """Number of folds that can be trained in parallel, by memory and by cores; at least 1.

    Args:
        demand: Resources that each of them takes.
        n_folds: Number of folds to train.
        there: Resources that they share.
    """
    need, process, fitting = demand.of_device, demand.of_machine, min(n_folds, there.cores)
    if there.cards:
        fitting = min(fitting, sum(slots_of(card, need) for card in there.cards))
        process += memory.locked_bytes(demand.plan, demand.batch_size)
    else:
        process += need.step
    if there.memory is not None:
        fitting = min(fitting, int(memory.SHARE_OF_MEMORY * there.memory) // process)
    return max(1, fitting)


def slots_for(demand: FoldDemand, count: int, there: Resources) -> list[TrainingSlot]:
    """Slots for that many trainings in parallel."""
    if not there.cards:
        return [TrainingSlot()] * count
    return slots_on(there.cards, demand.of_device, count)


def workers_beside(demand: FoldDemand, device: torch.device, count: int, there: Resources) -> int:
    """Loading processes of each of that many parallel trainings."""
    flow = data_flow(
        demand.plan,
        device,
        demand.n_train,
        demand.batch_size,
        free_of_device=None,
        num_workers=demand.num_workers,
        cores=there.cores // count,
        free=None if there.memory is None else there.memory // count,
    )
    return flow.num_workers


def described(slots: Sequence[TrainingSlot]) -> str:
    """Devices of the trainings, in words; empty where there are no CUDA devices."""
    cards = {slot.card: slots.count(slot) for slot in slots if slot.card is not None}
    parts = []
    for card, count in cards.items():
        free = "" if card.free is None else f" ({card.free / GIB:.3g} GiB free)"
        kept = any(slot.case_bytes for slot in slots if slot.card == card)
        where = ", with the training cases" if kept else ""
        parts.append(f"{count} on GPU {card.word or card.index}{free}{where}")
    return "; ".join(parts)


def number_of(
    requested: str, fitting: int, n_folds: int, option: str = "--num_folds_parallel"
) -> int:
    """The number of parallel folds that an option means.

    Args:
        requested: `auto`, or a number.
        fitting: Number that `auto` means.
        n_folds: More are not needed.
        option: Name of the option for the message.

    Raises:
        TrainingError: Neither `auto` nor a number from 1.
    """
    if requested == "auto":
        return fitting
    count = number(requested)
    if not count:
        raise TrainingError(
            f"Invalid value for {option}.",
            expected="auto, or 1 and more",
            got=requested,
            remedy=f"Give {option} such a number, or leave it out.",
        )
    return min(count, n_folds)


@dataclass(frozen=True)
class FoldExit:
    """Exit of the process of a fold; `error` is its message if it failed."""

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
        """Exit by its exit code and its last output."""
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


Command: TypeAlias = Callable[[TrainingSlot], Sequence[str]]
"""Makes the command line of a training in a slot, e.g. by `core.lifeline`."""


def run_folds(
    commands: Mapping[int, Command], slots: Sequence[TrainingSlot], stop: StopSignal
) -> Iterator[FoldExit | Literal["waiting"]]:
    """Run a command for each fold, at most one in each slot at the same time.

    Args:
        commands: Commands by number of the fold.
        slots: A fold that ends leaves its slot to the next.
        stop: When asked, the running ones are asked to end and no other is started.

    Yields:
        Each fold as it ends, and `waiting` a few times a second in between.
    """
    free, waiting = FreeSlots(slots), dict(commands)
    running: dict[int, tuple[_Process, TrainingSlot]] = {}
    try:
        while running or (waiting and not stop.requested):
            while waiting and len(free) and not stop.requested:
                fold, slot = next(iter(waiting)), free.take()
                running[fold] = (_started(waiting.pop(fold)(slot), slot), slot)
            if stop.requested:
                _terminate(running)
            for fold in [f for f, (p, _) in running.items() if p.running.poll() is not None]:
                process, slot = running.pop(fold)
                free.give_back(slot)
                yield process.ended(fold)
            yield "waiting"
            time.sleep(_SECONDS_BETWEEN_LOOKS)
    finally:
        _terminate(running)
        for process, _ in running.values():
            process.running.wait()
            process.close()


def _started(command: Sequence[str], slot: TrainingSlot) -> _Process:
    output = tempfile.TemporaryFile()  # noqa: SIM115 - closed when the process has ended
    nothing, pipe = subprocess.DEVNULL, subprocess.PIPE
    environment = os.environ | slot.environment
    running = subprocess.Popen(  # noqa: S603
        list(command), stdin=pipe, stdout=nothing, stderr=output, env=environment
    )
    return _Process(running, output)


def _terminate(running: Mapping[int, tuple[_Process, TrainingSlot]]) -> None:
    for process, _ in running.values():
        if process.running.poll() is None:
            process.running.terminate()
