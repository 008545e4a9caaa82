"""One run: a fold from its first epoch to its out-of-fold predictions."""

from __future__ import annotations

import dataclasses
import logging
import math
import time
from collections.abc import Iterator
from contextlib import ExitStack, nullcontext

from torch import nn

from ricenet_v2.core import documents, files
from ricenet_v2.core.command import again
from ricenet_v2.core.errors import StoppedError
from ricenet_v2.core.locks import using
from ricenet_v2.inference.feature_reference import write_reference
from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.store.ingest_settings import carry_settings
from ricenet_v2.training.checkpoint_writer import CheckpointWriter
from ricenet_v2.training.curves import draw_progress
from ricenet_v2.training.data_flow import open_batches
from ricenet_v2.training.feature_reference import reference_of
from ricenet_v2.training.finished import finished_run
from ricenet_v2.training.fold_log import logged
from ricenet_v2.training.fold_progress import EpochsDone, FoldProgress, log_beginning, log_epoch
from ricenet_v2.training.job import Job, run_record
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.loop import TrainingTask, train_epoch
from ricenet_v2.training.loss import class_weights
from ricenet_v2.training.preparation import prepare
from ricenet_v2.training.preview import draw_preview
from ricenet_v2.training.resume_checks import check_other_folds
from ricenet_v2.training.source import Source
from ricenet_v2.training.state import (
    State,
    averaged,
    full_state,
    inference_state,
    record_of,
    saved_state,
)
from ricenet_v2.training.stop_signal import Stopped, StopSignal
from ricenet_v2.training.trackers import tracking
from ricenet_v2.training.training_setup import TrainingSetup
from ricenet_v2.training.validation import loss_and_macro_f1, predict_validation, write_validation
from ricenet_v2.training.wrapping import tuned, wrapped

logger = logging.getLogger(__name__)

# Drawing the curves takes longer than an epoch of a small dataset.
_SECONDS_BETWEEN_DRAWINGS = 10.0


def train_fold(setup: TrainingSetup, fold: int, report: EpochsDone | None = None) -> Run:
    """Train one fold, or go on with it, and predict its validation cases.

    Args:
        setup: Setup that the folds share; each process of its group calls this function.
        fold: Number of the fold.
        report: Is called with the number of finished epochs after each, in the leading process.

    Raises:
        TrainingError: The fold exists and is not to be continued, or other folds of the model were
            trained differently, or failed in some process.
        InUseError: Another process trains the fold, or makes its preprocessed cases.
        PlanError: The preprocessed cases are not those of the plan.
        DatasetError: One of them was made again from other images or by another plan meanwhile.
        StoppedError: The training was stopped.
    """
    process_group = setup.process_group
    with ExitStack() as stack:
        with process_group.agreed():
            if process_group.leads:
                stack.enter_context(using(reads=[setup.paths.cases(setup.plan.name)]))
            job = prepare(setup, fold)
            if setup.options.preview_only:
                target = job.paths.augmentation
                draw_preview(job.reader, job.train, job.plan, setup.options.seed, target)
                logger.info("Augmented samples are drawn in %s", target)
                return run_record(job, "previewed", None)
        if finished := finished_run(job):
            return finished
        with process_group.agreed():
            if process_group.leads:
                stack.enter_context(using(reads=[job.model.folder], writes=[job.paths.folder]))
        # Another process may have trained it meanwhile; only now may files be made again.
        if finished := finished_run(job, repairs=True):
            return finished
        with process_group.agreed():
            check_other_folds(job)
        with process_group.agreed():
            if process_group.leads:
                files.remove_leftovers(job.paths.folder)
                documents.write(job.model.plan, job.plan)
                documents.write(job.model.dataset, job.dataset)
                carry_settings(setup.paths.ingest(setup.plan.name), job.model.ingest)
                job.paths.folder.mkdir(parents=True, exist_ok=True)
        with logged(job):
            log_beginning(job)
            return _train(job, report)


def _train(job: Job, report: EpochsDone | None) -> Run:
    with job.process_group.agreed():
        state = saved_state(job)
    _write_run(job, record_of(job, state, "running"))
    if state.epoch:
        logger.info("Fold %d resumes after epoch %d.", job.fold, state.epoch)
    if job.process_group.leads and job.paths.history.is_file():
        # Epochs that a kill took from the checkpoint are trained again.
        _write_history(job, state)
    stop = StopSignal()
    try:
        with stop.listening():
            _epochs(job, state, stop, report)
    except Stopped as stopped:
        _write_run(job, record_of(job, state, "stopped"))
        raise StoppedError(
            f"Training of fold {job.fold} was stopped; {state.epoch} finished epochs are saved.",
            file=job.paths.folder,
            remedy=f"Resume with {again('--continue')}.",
        ) from stopped
    _finish(job, state)
    run = dataclasses.replace(
        record_of(job, state, "finished"),
        validation_checkpoint="" if job.is_full else "final",
        validation_mirror_axes=None if job.is_full else job.plan.training.augmentation.mirror_axes,
        # Only the leading process has written it.
        validation_hash=files.sha256_of_file(job.paths.validation)
        if job.process_group.leads and not job.is_full
        else "",
    )
    _write_run(job, run)
    return run


def _write_run(job: Job, run: Run) -> None:
    if job.process_group.leads:
        documents.write(job.paths.run, run)


def _epochs(job: Job, state: State, stop: StopSignal, report: EpochsDone | None) -> None:
    training = job.plan.training
    if state.is_done(training.early_stop_epochs):
        return
    labels = {case: job.labels[case] for case in job.train}
    source = Source(job.reader, labels, job.plan, job.seed, job.share)
    network = wrapped(state.network, training, job.process_group)
    batches = open_batches(job.flow, source, state.epoch, job.device)
    drawn = time.monotonic()
    progress = FoldProgress(job, state.epoch, report)
    task = _task(job, state, progress)
    try:
        writing = CheckpointWriter(job.paths) if job.process_group.leads else nullcontext()
        with tracking(job, state.epoch) as log, writing as writer:
            for epoch in _todo(job, state):
                progress.begin(epoch)
                is_best = _epoch(job, state, network, batches, task, epoch, stop)
                log(state.rows[-1])  # before it is saved: no kill can lose it
                if writer is not None:
                    best = inference_state(job, state) if is_best else None
                    writer.keep(full_state(job, state), best)
                    drawn = _show(job, state, drawn)
                progress.reach(state.epoch)
        progress.finish()
    finally:
        progress.close()
        batches.close()


def _todo(job: Job, state: State) -> Iterator[int]:
    """The epochs that are left, until the state is done."""
    for epoch in range(state.epoch, job.plan.training.epochs):
        if state.is_done(job.plan.training.early_stop_epochs):
            logger.info("Fold %d: no better epoch for a long time; training ends.", job.fold)
            return
        yield epoch


def _task(job: Job, state: State, progress: FoldProgress) -> TrainingTask:
    training = job.plan.training
    weights = None
    if training.balance == "loss":
        weights = class_weights([job.labels[case] for case in job.train], job.plan.classes)
    return TrainingTask(
        training,
        state.segments,
        len(job.plan.classes),
        weights,
        job.seed,
        job.process_group,
        progress.after_update,
        job.plan.channels if job.plan.allows_missing else (),
    )


def _show(job: Job, state: State, drawn: float) -> float:
    """Write the history, and the curves only once in a while. Returns when last."""
    _write_history(job, state)
    now = time.monotonic()
    if now - drawn < _SECONDS_BETWEEN_DRAWINGS:
        return drawn
    _draw(job, state)
    return now


def _write_history(job: Job, state: State) -> None:
    columns = [column.name for column in dataclasses.fields(EpochRow)]
    rows = [dataclasses.asdict(row) for row in state.rows]
    tables.write_rows(job.paths.history, rows, columns)


def _draw(job: Job, state: State) -> None:
    draw_progress(state.rows, job.paths.progress, f"{job.dataset.name}, fold {job.fold}")


def _epoch(
    job: Job,
    state: State,
    network: nn.Module,
    batches: TrainingBatches,
    task: TrainingTask,
    epoch: int,
    stop: StopSignal,
) -> bool:
    """Train and validate one epoch; whether it is the best so far."""
    started = time.perf_counter()
    with tuned(job.plan.training):
        result = train_epoch(
            network, state.optimiser, state.ema, batches, task, epoch, stop, state.scaling
        )
    trained = time.perf_counter()
    loss, macro_f1, average, is_best = math.nan, math.nan, math.nan, False
    if not job.is_full:
        loss, f1 = loss_and_macro_f1(job, predict_validation(job, averaged(job, state)))
        if job.ranks_epochs:
            macro_f1, is_best = f1, state.best.update(epoch, f1)
            average = float(state.best.average or 0.0)
    ended = time.perf_counter()
    state.rows.append(
        EpochRow(
            epoch=epoch,
            learning_rate=float(state.optimiser.param_groups[0]["lr"]),
            train_loss=result.loss,
            validation_loss=loss,
            validation_macro_f1=macro_f1,
            validation_macro_f1_ema=average,
            seconds=ended - started,
            waiting=result.waiting / max(result.seconds, 1e-9),
            validation_seconds=ended - trained,
            skipped_updates=result.skipped,
        )
    )
    if job.process_group.leads:
        log_epoch(job, state.rows[-1])
    return is_best


def _finish(job: Job, state: State) -> None:
    """Final checkpoint and out-of-fold predictions, with the mirroring that prediction uses."""
    axes = job.plan.training.augmentation.mirror_axes
    averages = averaged(job, state)
    predictions = None if job.is_full else predict_validation(job, averages, axes)
    reference = reference_of(job, averages)
    if not job.process_group.leads:
        return
    # A kill may have come before the history was written.
    _write_history(job, state)
    _draw(job, state)
    checkpoints.save(job.paths.final, inference_state(job, state))
    write_reference(job.paths.reference, reference)
    if predictions is None:
        logger.info(
            "A network of all %d training cases is trained: %d epochs. No case was held out, so it "
            "has no out-of-fold metrics; %s",
            len(job.train),
            state.epoch,
            job.paths.folder,
        )
        return
    write_validation(job, predictions)
    logger.info(
        "Fold %d is trained: %d epochs%s; validation.csv: loss %.3f, macro F1 %.3f (n = %d%s), %s",
        job.fold,
        state.epoch,
        "" if state.epoch == job.plan.training.epochs else ", chosen by these cases",
        *loss_and_macro_f1(job, predictions),
        len(predictions),
        ", mean over mirrorings" if axes else "",
        job.paths.folder,
    )
