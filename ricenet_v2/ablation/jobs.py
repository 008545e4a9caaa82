"""One training of an ablation as plain data, so that any process or machine can do it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ricenet_v2.core import documents
from ricenet_v2.core.command import invoked
from ricenet_v2.core.device_faults import has_lost_device, lost_device
from ricenet_v2.core.errors import RicenetError, StoppedError, TrainingError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.pool import PoolTask
from ricenet_v2.core.worker import end_after_task, may_start_processes
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON, DatasetPaths
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.training.options import TrainOptions

# Seeds, the number of threads and the loggers of a process are one: trainings in threads beside
# each other would draw each other's random numbers.
_ALONE = threading.Lock()


@dataclass(frozen=True)
class FoldJob(PoolTask):
    """One fold of one subset; everything in it can be pickled.

    Cases and folds are not in it, since they grow with the dataset: the machine that trains reads
    them from the folders that all machines see.

    Attributes:
        subset: Name.
        fold: Number.
        paths: Paths of the dataset, absolute, as the machine that trains sees them.
        tables: Hash by `tables_hash` of the tables as they should be.
        plan: Plan of all channels, with its settings.
        options: Channels, epochs, seed.
        device: `cuda`, `cuda:1`, `mps` or `cpu`; the best of that machine where None.
        threads: Number of threads of torch on the CPU; None leaves it unchanged.
        invocation: The command line of the ablation, for run.json.
    """

    subset: str
    fold: int
    paths: DatasetPaths
    tables: str
    plan: Plan
    options: TrainOptions
    device: str | None = None
    threads: int | None = None
    invocation: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """Subset and fold."""
        return f"{self.subset}, fold {self.fold}"


@dataclass(frozen=True)
class Outcome:
    """Outcome of a job.

    Attributes:
        subset: Name.
        fold: Number.
        error: Error message, if it failed.
        stopped: Whether somebody asked it to end.
        seconds: Duration in seconds.
    """

    subset: str
    fold: int
    error: str | None
    stopped: bool
    seconds: float


@dataclass(frozen=True)
class _Tables:
    """Tables whose size grows with the dataset."""

    dataset: Dataset
    cases: Sequence[Case]
    splits: Splits


def tables_hash(dataset: Dataset, cases: Sequence[Case], splits: Splits) -> str:
    """SHA-256 over what a training takes from the tables of a dataset."""
    return sha256_of_text(repr((dataset, tuple(cases), splits)))


@lru_cache(maxsize=1)
def _tables_of(paths: DatasetPaths, expected: str) -> _Tables:
    """The tables as they lie in the folders; a process reads them once.

    Raises:
        TrainingError: They are others than those that the ablation was begun with.
    """
    raw, splits = load_raw_dataset(paths.raw), documents.read(Splits, paths.splits)
    if tables_hash(raw.dataset, raw.cases, splits) != expected:
        raise TrainingError(
            "The tables of the dataset have changed since the ablation started.",
            file=paths.raw / CASES_CSV,
            expected=f"the content of this file, of {DATASET_JSON} and of {paths.splits.name} as "
            "the machine sees them where the command was given",
            got="another content",
            remedy="Undo the change, or run the same command again to start with the tables as "
            "they are now. All machines have to see the same folders.",
        )
    return _Tables(raw.dataset, raw.cases, splits)


def train_job(job: FoldJob) -> Outcome:
    """Train the fold, or go on with it; a failure becomes words, since it crosses processes.

    A process does one at a time, in however many threads it is called.

    Raises:
        DeviceLostError: The device failed, and this process would be given the next training.
    """
    with _ALONE:
        return _trained(job)


def _trained(job: FoldJob) -> Outcome:
    import torch

    from ricenet_v2.network.device import resolve_device
    from ricenet_v2.training.fold import train_fold
    from ricenet_v2.training.process_group import ProcessGroup
    from ricenet_v2.training.training_setup import TrainingSetup

    started = time.monotonic()
    error, stopped = None, False
    try:
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        process_group = ProcessGroup(0, 1, resolve_device(job.device))
        tables, options = _tables_of(job.paths, job.tables), _options_here(job.options)
        setup = TrainingSetup(
            job.paths,
            job.plan,
            tables.dataset,
            tables.cases,
            tables.splits,
            options,
            process_group,
        )
        with invoked(job.invocation):
            train_fold(setup, job.fold)
    except StoppedError as fault:
        error, stopped = str(fault), True
    except RicenetError as fault:
        error = str(fault)
    except Exception as fault:
        # Of local processes another one takes up the next training, with a device that is well.
        if has_lost_device(fault) and not end_after_task():
            what = f"The device failed while {job.name} was trained; no further training is begun."
            raise lost_device(fault, what) from fault
        # The other trainings go on, and this one reports all it knows.
        error = traceback.format_exc()
    return Outcome(job.subset, job.fold, error, stopped, time.monotonic() - started)


def _options_here(options: TrainOptions) -> TrainOptions:
    """The options, without processes that load where this process may start none.

    Workers of Dask are such (`distributed.worker.daemon`). Any number loads the same batches.
    """
    return options if may_start_processes() else replace(options, num_workers=0)
