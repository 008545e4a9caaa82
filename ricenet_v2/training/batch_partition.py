"""Partition of the samples of an update between processes."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import TrainingPlan


@dataclass(frozen=True)
class BatchPartition:
    """One of `world_size` processes that share every update."""

    rank: int = 0
    world_size: int = 1

    def positions(self, plan: TrainingPlan) -> tuple[tuple[int, ...], ...]:
        """Positions within an update, one tuple per step of this process.

        An update has `accumulation_steps` steps of `batch_size` samples. Whole steps are shared
        out where their number divides, else the samples of each step.

        Raises:
            TrainingError: Neither number divides.
        """
        size, steps, world = plan.batch_size, plan.accumulation_steps, self.world_size
        whole = [tuple(range(step * size, (step + 1) * size)) for step in range(steps)]
        if steps % world == 0:
            return tuple(whole[self.rank :: world])
        if size % world == 0:
            part = size // world
            return tuple(step[self.rank * part : (self.rank + 1) * part] for step in whole)
        raise TrainingError(
            "The samples of an update cannot be shared equally.",
            expected="a number of processes that divides the accumulation steps or the batch",
            got=f"{world} processes, {steps} accumulation steps of {size} samples",
            remedy="Start another number of processes, or --set batch_size=... "
            "accumulation_steps=...",
        )


ALONE = BatchPartition()


def check_sharing(share: BatchPartition, plan: Plan, device: str) -> None:
    """Refuse a plan whose updates cannot be shared.

    Args:
        share: Share of this process.
        plan: Plan of the run.
        device: Kind of the device, e.g. `cuda`.

    Raises:
        TrainingError: The processes cannot share the batch norm or the samples of its updates.
    """
    steps = share.positions(plan.training)
    if share.world_size > 1 and device != "cuda" and plan.network.norm == "batch":
        raise TrainingError(
            "Batch norm cannot be shared by processes on this device.",
            expected="instance norm, or CUDA devices",
            got=f"batch norm on {share.world_size} processes on {device}",
            remedy="Its statistics would be those of a part of the batch, and only CUDA joins "
            "them. Train with one process, or with --set network.norm=instance.",
        )
    if plan.training.mixup > 0 and min(map(len, steps)) < 2:
        raise TrainingError(
            "Mixup needs at least 2 samples per process.",
            expected="at least 2 samples in each step of a process",
            got=f"{min(map(len, steps))}",
            remedy="Use a larger batch, fewer processes, or --set mixup=0.",
        )
