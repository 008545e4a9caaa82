"""The training step with everything on beside the bare step, by the clock and by the memory.

Everything: the loop that trains, its loader, augmentation, clipping and averaged weights. Bare:
forward, backward and optimiser of the same network on a batch that lies on the device.
"""

from __future__ import annotations

import dataclasses
import math
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from ricenet_v2.core.progress import track
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.loader import Batch, TrainingBatches
from ricenet_v2.training.loop import TrainingTask, train_epoch
from ricenet_v2.training.loss import mean_loss
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.state import State, first_network, first_state
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.wrapping import autocast, moved, tuned, wrapped


def synchronise(device: torch.device) -> None:
    """Wait until the device has done all that it was given."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of some work and of what it left running on the device."""
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


@dataclass
class Peak:
    """Most bytes that tensors, and the allocator with its reserve, took; None off CUDA."""

    allocated: int | None = None
    reserved: int | None = None


@contextmanager
def watched_memory(device: torch.device) -> Iterator[Peak]:
    """The most that the block takes of a CUDA device, beyond what was taken before it."""
    peak = Peak()
    if device.type != "cuda":
        yield peak
        return
    torch.cuda.init()  # type: ignore[no-untyped-call] # before, the allocator knows no device
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device), torch.cuda.memory_reserved(device)
    yield peak
    synchronise(device)
    peak.allocated = torch.cuda.max_memory_allocated(device) - before[0]
    peak.reserved = torch.cuda.max_memory_reserved(device) - before[1]


@dataclass(frozen=True)
class MeasuredTime:
    """Seconds of some updates, and those of them that were spent waiting for data."""

    seconds: float
    waiting: float


@dataclass(frozen=True)
class Bench:
    """A network with all that trains it, on its device.

    Attributes:
        plan: Plan with the network and its training.
        task: Task as the loop takes it.
        state: Network, averaged weights and optimiser.
        wrapped: The network as the loop calls it.
    """

    plan: Plan
    task: TrainingTask
    state: State
    wrapped: nn.Module

    @property
    def device(self) -> torch.device:
        """Device that computes."""
        return self.task.process_group.device

    def train(self, batches: TrainingBatches, epoch: int, updates: int) -> MeasuredTime:
        """Run that many updates of the training loop.

        The batches that lay ready are used up before the clock starts: with them a loader that
        is too slow would look fast enough.
        """
        steps = self.plan.training.accumulation_steps
        self._epoch(batches, epoch, math.ceil(batches.ahead / steps))
        waited: list[float] = []
        spent = seconds_of(lambda: waited.append(self._epoch(batches, epoch, updates)), self.device)
        return MeasuredTime(spent, waited[0])

    def _epoch(self, batches: TrainingBatches, epoch: int, updates: int) -> float:
        """Train; seconds spent waiting for data."""
        if updates == 0:
            return 0.0
        plan = dataclasses.replace(self.task.plan, iterations_per_epoch=updates)
        task = dataclasses.replace(self.task, plan=plan)
        state = self.state
        arguments = (self.wrapped, state.optimiser, state.ema, batches, task, epoch, StopSignal())
        with tuned(plan):
            return train_epoch(*arguments, state.scaling).waiting

    def bare(self, batch: Batch) -> Callable[[], None]:
        """A function that makes one bare update on this batch, moved to the device before.

        The learning rate is 0, which takes as long: the network stays what training makes it.
        """
        training = self.plan.training
        images = moved(batch.images, self.device, training)
        targets = moved(batch.targets, self.device, training)
        one_hot = functional.one_hot(targets, self.task.n_classes).float()

        @float32("tf32")
        @tuned(training)
        def update() -> None:
            self.wrapped.train()
            self.state.optimiser.zero_grad(set_to_none=True)
            for _ in range(training.accumulation_steps):
                with autocast(self.device, training):
                    logits = self.wrapped(images)
                mean_loss(logits.float(), one_hot, 0.0).backward()  # type: ignore[no-untyped-call]
            for group in self.state.optimiser.param_groups:
                group["lr"] = 0.0
            self.state.optimiser.step()

        return update


def make_bench(
    plan: Plan, process_group: ProcessGroup, network: Classifier | None = None, seed: int = 0
) -> Bench:
    """Put a plan, or another network under its training settings, on the process group's device."""
    built = first_network(plan, seed) if network is None else network
    state = first_state(built, plan.training, process_group.device)
    task = TrainingTask(plan.training, state.segments, len(plan.classes), None, seed, process_group)
    return Bench(plan, task, state, wrapped(built, plan.training, process_group))


@dataclass(frozen=True)
class TimingRounds:
    """Seconds of an update in each round."""

    everything: tuple[float, ...]
    bare: tuple[float, ...]
    waiting: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Everything over bare: the median of the rounds' ratios."""
        return ratio(self.everything, self.bare)

    @property
    def waiting_share(self) -> float:
        """Share of the time that is spent waiting for data: the median of the rounds' shares."""
        return ratio(self.waiting, self.everything)


def ratio(numerators: tuple[float, ...], denominators: tuple[float, ...]) -> float:
    """The median of the ratios of what was measured in the same round."""
    return statistics.median(a / b for a, b in zip(numerators, denominators, strict=True))


def alternate(
    everything: Callable[[int], MeasuredTime], bare: Callable[[], float], updates: int, rounds: int
) -> TimingRounds:
    """Let both take turns: everything, bare, everything, bare, ...; the first of each warms up.

    Args:
        everything: Makes `updates` updates; its argument numbers the turns from 0.
        bare: Makes as many; returns seconds.
        updates: Updates per turn.
        rounds: Number of turns that are measured.
    """
    full, lone, waiting = [], [], []
    for turn in track(range(rounds + 1), "timing steps"):
        spent, without = everything(turn), bare()
        if turn == 0:
            continue
        full.append(spent.seconds / updates)
        waiting.append(spent.waiting / updates)
        lone.append(without / updates)
    return TimingRounds(tuple(full), tuple(lone), tuple(waiting))


def time_steps(bench: Bench, batches: TrainingBatches, updates: int, rounds: int) -> TimingRounds:
    """Time the loop with these batches beside the bare step on one of them.

    Args:
        bench: The network; it is trained a little.
        batches: Batches of its plan, on its device.
        updates: Updates per turn.
        rounds: Turns of each that count.
    """
    update = bench.bare(next(batches))

    def bare() -> float:
        return seconds_of(lambda: [update() for _ in range(updates)], bench.device)

    return alternate(lambda turn: bench.train(batches, turn, updates), bare, updates, rounds)
