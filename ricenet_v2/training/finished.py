"""A fold that is trained already."""

from __future__ import annotations

import logging

from ricenet_v2.records.run import Run
from ricenet_v2.training.fold_log import logged
from ricenet_v2.training.job import Job
from ricenet_v2.training.repair import faults_of, repair
from ricenet_v2.training.resume_checks import existing_run

logger = logging.getLogger(__name__)


def finished_run(job: Job, *, repairs: bool = False) -> Run | None:
    """The record of the fold where no epoch is left; every process of the group calls this.

    Args:
        job: The fold.
        repairs: Make missing and damaged files again: this process holds the fold. Else the answer
            is None where there are some.

    Raises:
        TrainingError: The fold exists and may not be continued like this.
        CheckpointError: Its final checkpoint is damaged and cannot be made again.
    """
    with job.process_group.agreed():
        old = existing_run(job)
        faults = faults_of(job, old) if old is not None and _is_finished(job, old) else None
    if old is None or faults is None or (faults and not repairs):
        return None
    if faults:
        with logged(job):
            old = repair(job, old, faults)
    logger.info("Fold %d is trained already: %s", job.fold, job.paths.folder)
    return old


def _is_finished(job: Job, old: Run) -> bool:
    """Whether all epochs are done; without any checkpoint the fold is trained again."""
    is_there = job.paths.final.exists() or job.paths.latest.exists()
    return old.is_finished and old.epochs == job.plan.training.epochs and is_there
