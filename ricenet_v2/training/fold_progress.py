"""Progress of a fold: its epochs, and the updates of the epoch."""

from __future__ import annotations

import logging
from collections.abc import Callable

from ricenet_v2.core.progress import Progress
from ricenet_v2.records.plan import SHAPES_ONLY
from ricenet_v2.records.run import EpochRow
from ricenet_v2.training.job import Job

logger = logging.getLogger(__name__)

EpochsDone = Callable[[int], None]
"""Is called with the number of finished epochs of a fold."""


class FoldProgress:
    """Bars in the process that leads; lines of its own are what a log gets of a training."""

    def __init__(self, job: Job, done: int, report: EpochsDone | None) -> None:
        """Begin.

        Args:
            job: The training.
            done: Epochs that were trained before.
            report: Progress of a training of several folds, whose bar replaces this one.
        """
        self._is_shown, self._report = job.process_group.leads, report
        self._n_epochs = job.plan.training.epochs
        self._n_updates = job.plan.training.iterations_per_epoch
        self._of_epoch: Progress | None = None
        self._of_fold: Progress | None = None
        if self._is_shown:
            self._of_fold = Progress(
                "all training cases" if job.is_full else f"fold {job.fold}",
                self._n_epochs,
                initial=done,
                leave=report is None,
                has_own_lines=True,
                unit="epoch",
            )

    def begin(self, epoch: int) -> None:
        """An epoch, counted from 0, is begun."""
        if self._is_shown:
            title = f"epoch {epoch + 1} of {self._n_epochs}"
            self._of_epoch = Progress(title, self._n_updates, has_own_lines=True, unit="update")

    def after_update(self) -> None:
        """An update is made."""
        if self._of_epoch is not None and self._of_epoch.add() and self._of_fold is not None:
            self._of_fold.refresh()

    def reach(self, done: int) -> None:
        """Report the number of trained epochs."""
        self._close_epoch()
        if self._of_fold is not None:
            self._of_fold.reach(done)
        if self._report is not None and self._is_shown:
            self._report(done)

    def finish(self) -> None:
        """No epoch is to come, also where training ended early."""
        if self._of_fold is not None:
            self._of_fold.finish()

    def close(self) -> None:
        """Take the bars away."""
        self._close_epoch()
        if self._of_fold is not None:
            self._of_fold.close()

    def _close_epoch(self) -> None:
        if self._of_epoch is not None:
            self._of_epoch.close()
            self._of_epoch = None


def log_beginning(job: Job) -> None:
    """Warn of what the metrics of the fold cannot show, before its first epoch."""
    if job.plan.shapes_only:
        logger.warning(SHAPES_ONLY, ", ".join(job.plan.shapes_only))
    if job.validation and not job.ranks_epochs:
        logger.warning(
            "Fold %d holds out cases of one class alone (%s), so no epoch is the best one: there "
            "is no macro F1 and no checkpoint_best.pth. Its cases count in the pooled metrics.",
            job.fold,
            job.labels[job.validation[0]],
        )


def log_epoch(job: Job, row: EpochRow) -> None:
    """A line of the log for an epoch."""
    if job.is_full:
        logger.info(
            "All training cases, epoch %d of %d: loss %.3f; %.1f s, %.0f %% of training waiting "
            "for data",
            row.epoch + 1,
            job.plan.training.epochs,
            row.train_loss,
            row.seconds,
            100 * row.waiting,
        )
        return
    if not job.ranks_epochs:
        logger.info(
            "Fold %d, epoch %d of %d: loss %.3f, validation loss %.3f; %.1f s, %.1f of them for "
            "validation, %.0f %% of training waiting for data",
            job.fold,
            row.epoch + 1,
            job.plan.training.epochs,
            row.train_loss,
            row.validation_loss,
            row.seconds,
            row.validation_seconds,
            100 * row.waiting,
        )
        return
    logger.info(
        "Fold %d, epoch %d of %d: loss %.3f, validation loss %.3f, macro F1 %.3f, moving average "
        "%.3f; %.1f s, %.1f of them for validation, %.0f %% of training waiting for data",
        job.fold,
        row.epoch + 1,
        job.plan.training.epochs,
        row.train_loss,
        row.validation_loss,
        row.validation_macro_f1,
        row.validation_macro_f1_ema,
        row.seconds,
        row.validation_seconds,
        100 * row.waiting,
    )
    if row.skipped_updates:
        logger.info(
            "Fold %d, epoch %d: %d of %d updates were left out, since their gradients overflowed "
            "float16; a few are usual.",
            job.fold,
            row.epoch + 1,
            row.skipped_updates,
            job.plan.training.iterations_per_epoch,
        )
