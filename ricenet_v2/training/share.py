"""Which samples of an update one of several processes works on."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan import TrainingPlan


@dataclass(frozen=True)
class Share:
    """One of `world_size` processes that train together; alone when left out.

    Together the processes see exactly the samples that one process alone would see in the same
    update, each once. Whole micro-batches are dealt out where their number allows it, since a
    network then sees batches of the planned size; else each micro-batch is split.

    Attributes:
        rank: Number of this process, from 0.
        world_size: Number of processes.
    """

    rank: int = 0
    world_size: int = 1

    def accumulation_steps(self, training: TrainingPlan) -> int:
        """Micro-batches of one update that this process works on.

        Raises:
            TrainingError: The samples of an update cannot be shared out evenly.
        """
        if self._deals_micro_batches(training):
            return training.accumulation_steps // self.world_size
        return training.accumulation_steps

    def batch_size(self, training: TrainingPlan) -> int:
        """Samples of one micro-batch of this process.

        Raises:
            TrainingError: The samples of an update cannot be shared out evenly.
        """
        if self._deals_micro_batches(training):
            return training.batch_size
        return training.batch_size // self.world_size

    def positions(self, training: TrainingPlan, step: int) -> range:
        """Positions, in the order of an epoch, of the samples of this process's micro-batch.

        Args:
            training: Batch size and accumulation steps of one process alone.
            step: Number of the micro-batch in the epoch, counted by this process.

        Raises:
            TrainingError: The samples of an update cannot be shared out evenly.
        """
        size = self.batch_size(training)
        if self._deals_micro_batches(training):
            first = (step * self.world_size + self.rank) * size
        else:
            first = step * training.batch_size + self.rank * size
        return range(first, first + size)

    def _deals_micro_batches(self, training: TrainingPlan) -> bool:
        if training.accumulation_steps % self.world_size == 0:
            return True
        if training.batch_size % self.world_size == 0:
            return False
        raise TrainingError(
            f"The samples of an update cannot be shared out evenly among {self.world_size} "
            "processes.",
            expected=f"accumulation_steps or batch_size a multiple of {self.world_size}",
            got=f"accumulation_steps {training.accumulation_steps}, "
            f"batch_size {training.batch_size}",
            remedy="Start another number of processes, or change one of the two, e.g. "
            f"--set accumulation_steps={self.world_size}.",
        )
