"""Feature maps of a training step on a GPU stay within what 32-bit indices reach."""

from __future__ import annotations

import logging

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.planning.ladder import MOST_ELEMENTS, least_elements
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.job import Job

logger = logging.getLogger(__name__)


def largest_map(plan: Plan, samples: int) -> int:
    """Elements of the largest feature map of so many samples, or a bound from below.

    Args:
        plan: Plan of the run.
        samples: Samples per step of one process.
    """
    least = least_elements(plan.network, plan.input_size, samples)
    # Counted for the batch that was planned, which --set may have changed since.
    counted = next((int(d.value) for d in plan.decisions if d.what == "batch size"), 0)
    of_sample = plan.memory.largest_map / counted if counted else 0
    return max(least, round(of_sample * samples))


def check_map_size(job: Job) -> None:
    """Refuse maps so large that convolutions were never verified on a GPU; warn of a resume.

    Wrong gradients would go unnoticed. A fold that was started with such a batch cannot have
    another.

    Raises:
        TrainingError: A map has more elements.
    """
    if job.device.type == "cpu":
        return
    samples = max(map(len, job.share.positions(job.plan.training)))
    elements = largest_map(job.plan, samples)
    if elements <= MOST_ELEMENTS:
        return
    got = f"{elements:,} with {samples} samples of {job.plan.input_size} voxels"
    if job.goes_on:
        logger.warning(
            "Fold %d: the largest feature map has %s elements. Above %s convolutions and their "
            "gradients may be wrong on a GPU: compare with a training with half the batch.",
            job.fold,
            got,
            f"{MOST_ELEMENTS:,}",
        )
        return
    raise TrainingError(
        "A feature map of a training step has too many elements for a GPU.",
        expected=f"at most {MOST_ELEMENTS:,} elements, up to which convolutions and their "
        f"gradients are assumed to be right",
        got=got,
        remedy="Train with a smaller batch and more steps for an update (--set batch_size=... "
        "accumulation_steps=...), or plan again with a coarser --spacing.",
    )
