"""Case and augmentation of each position of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.records.plan import Plan
from ricenet_v2.training.augmentation.draw import Draw, draw_named
from ricenet_v2.training.batch_partition import ALONE, BatchPartition
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.sampler import epoch_cases


@dataclass(frozen=True)
class Source:
    """Data that the loader needs to make any batch of a run.

    Attributes:
        reader: Reader of the cases.
        labels: Class of each training case.
        plan: Batch size, accumulation, augmentation.
        seed: Seed of sampling and augmentation.
        share: The part of each update that this process works on.
    """

    reader: CaseReader
    labels: Mapping[str, str]
    plan: Plan
    seed: int
    share: BatchPartition = ALONE

    @property
    def sample_shape(self) -> tuple[int, ...]:
        """Axes (channels, z, y, x) of a sample."""
        return (len(self.plan.channels), *self.plan.input_size)

    @property
    def batch_size(self) -> int:
        """Samples of a step of this process."""
        return len(self.places(0))

    @property
    def steps_per_epoch(self) -> int:
        """Batches of this process in an epoch."""
        training = self.plan.training
        return training.iterations_per_epoch * len(self.share.positions(training))

    def places(self, step: int) -> list[int]:
        """Positions in the epoch of the samples of this process's step."""
        training = self.plan.training
        steps = self.share.positions(training)
        update, part = divmod(step, len(steps))
        start = update * training.accumulation_steps * training.batch_size
        return [start + position for position in steps[part]]

    def place(self, number: int) -> tuple[int, int]:
        """Epoch of a sample of this process, counted from the first epoch, and position in it."""
        whole_step, offset = divmod(number, self.batch_size)
        epoch, step = divmod(whole_step, self.steps_per_epoch)
        return epoch, self.places(step)[offset]

    def cases(self, epoch: int) -> list[str]:
        """The case at each position of an epoch."""
        plan = self.plan.training
        n = plan.iterations_per_epoch * plan.accumulation_steps * plan.batch_size
        return epoch_cases(self.labels, n, self.seed, epoch, balanced=plan.balance == "sampler")

    def draws(self, epoch: int, places: Sequence[int]) -> list[Draw]:
        """The augmentation of the samples at these places of an epoch."""
        return [draw_named(self.plan, self.seed, epoch, place) for place in places]
