"""Epochs logged to TensorBoard or MLflow, in addition to the fold's own history.csv.

Both packages are optional; nothing of theirs is imported before it is asked for.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import Any

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.packages import installing
from ricenet_v2.records.run import EpochRow
from ricenet_v2.training.job import Job

logger = logging.getLogger(__name__)

EpochLog = Callable[[EpochRow], None]

TRACKERS = ("tensorboard", "mlflow")
_TAG = "ricenet_v2.fold_folder"


@contextmanager
def tracking(job: Job, done: int) -> Iterator[EpochLog]:
    """A function that logs an epoch to all trackers of the job's options.

    A tracker that fails during training is named once and disabled: the training continues.

    Args:
        job: The fold; only its leading process logs.
        done: Epochs that are finished already; a resumed run replaces what came after them.

    Raises:
        TrainingError: A tracker is unknown, not installed, or cannot be reached.
    """
    with ExitStack() as stack:
        names = job.options.loggers if job.process_group.leads else ()
        trackers = {name: _opened(stack, name, job, done) for name in names}

        def log(row: EpochRow) -> None:
            for name in list(trackers):
                error = _error_of(trackers[name], row)
                if error is not None:
                    del trackers[name]
                    logger.warning("Logging to %s disabled for fold %d: %s", name, job.fold, error)

        yield log


def _error_of(log: EpochLog, row: EpochRow) -> Exception | None:
    try:
        log(row)
    except Exception as error:  # noqa: BLE001 - whatever a server or disk raises
        return error
    return None


def _opened(stack: ExitStack, name: str, job: Job, done: int) -> EpochLog:
    try:
        log: EpochLog = stack.enter_context(_opener(name)(job, done))
    except TrainingError:
        raise
    except Exception as error:
        raise TrainingError(
            f"Logging to {name} cannot be started.",
            got=error,
            remedy=f"Repair what it names, or leave out --logger {name}.",
        ) from error
    return log


def check_trackers(names: tuple[str, ...]) -> None:
    """Check before a training whether its trackers are available.

    Raises:
        TrainingError: One is unknown or its package is not installed.
    """
    for name in names:
        _opener(name)
        _package(name)


def _opener(name: str) -> Any:
    if name not in TRACKERS:
        raise TrainingError("There is no such logger.", expected=" or ".join(TRACKERS), got=name)
    return {"tensorboard": _tensorboard, "mlflow": _mlflow}[name]


def _package(name: str) -> Any:
    try:
        if name == "tensorboard":
            from torch.utils import tensorboard

            return tensorboard
        import mlflow
    except ImportError as error:
        raise TrainingError(
            f"{name} is not installed.",
            got=error,
            remedy=f"{installing(name)}, or leave out --logger {name}.",
        ) from error
    return mlflow


def _values(row: EpochRow) -> Mapping[str, float]:
    """Values of an epoch by the names of history.csv."""
    return {name: float(v) for name, v in dataclasses.asdict(row).items() if name != "epoch"}


@contextmanager
def _tensorboard(job: Job, done: int) -> Iterator[EpochLog]:
    """Event files in the fold's own folder; epochs after `done` are hidden, then logged again."""
    folder = job.paths.tensorboard
    writer = _package("tensorboard").SummaryWriter(str(folder), purge_step=done or None)

    def log(row: EpochRow) -> None:
        for name, value in _values(row).items():
            writer.add_scalar(name, value, row.epoch)
        writer.flush()

    try:
        yield log
    finally:
        writer.close()


@contextmanager
def _mlflow(job: Job, done: int) -> Iterator[EpochLog]:
    """One MLflow run per fold, in an experiment of the dataset's name.

    `MLFLOW_TRACKING_URI` says where it lies. A resumed fold continues its run, which is identified
    by the folder of the fold.
    """
    client = _package("mlflow").MlflowClient()
    known = client.get_experiment_by_name(job.dataset.name)
    experiment = known.experiment_id if known else client.create_experiment(job.dataset.name)
    run_id = _run_of(client, experiment, job, started=done > 0)

    def log(row: EpochRow) -> None:
        for name, value in _values(row).items():
            client.log_metric(run_id, name, value, step=row.epoch)

    status = "FAILED"
    try:
        yield log
        status = "FINISHED"
    finally:
        with suppress(Exception):  # a server that is gone ends no training
            client.set_terminated(run_id, status)


def _run_of(client: Any, experiment: str, job: Job, *, started: bool) -> str:
    folder = str(job.paths.folder.resolve())
    if started:
        runs = client.search_runs([experiment], f"tags.`{_TAG}` = '{folder}'", max_results=1)
        if runs:
            client.update_run(runs[0].info.run_id, "RUNNING")
            return str(runs[0].info.run_id)
    name = f"{job.model.folder.name}, fold {job.fold}"
    run = client.create_run(experiment, tags={_TAG: folder}, run_name=name)
    for key, value in _settings(job).items():
        client.log_param(run.info.run_id, key, value)
    return str(run.info.run_id)


def _settings(job: Job) -> dict[str, Any]:
    training = dataclasses.asdict(job.plan.training)
    augmentation = training.pop("augmentation")
    named = {f"augmentation.{key}": value for key, value in augmentation.items()}
    return {**training, **named, "plan": job.plan.name, "seed": job.options.seed}
