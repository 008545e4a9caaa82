"""One training of an ablation as plain data, so that any process or machine can do it."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.training.job import TrainOptions

# Seeds, the number of threads and the loggers of a process are one: trainings in threads beside
# each other would draw each other's random numbers.
_ALONE = threading.Lock()


@dataclass(frozen=True)
class FoldJob:
    """One fold of one subset; everything in it can be pickled.

    Attributes:
        subset: Name.
        fold: Number.
        paths: Of the dataset, absolute, as the machine that trains sees them.
        plan: With settings, of all channels.
        dataset: Channels and classes.
        cases: Of the dataset.
        splits: The folds.
        options: Channels, epochs, seed.
        device: `cuda`, `cuda:1`, `mps` or `cpu`; the best of that machine where None.
        threads: Of torch on the CPU; None leaves them.
    """

    subset: str
    fold: int
    paths: DatasetPaths
    plan: Plan
    dataset: Dataset
    cases: Sequence[Case]
    splits: Splits
    options: TrainOptions
    device: str | None = None
    threads: int | None = None


@dataclass(frozen=True)
class Outcome:
    """How a job ended.

    Attributes:
        subset: Name.
        fold: Number.
        error: What it said where it failed.
        stopped: Whether somebody asked it to end.
        seconds: That it took.
    """

    subset: str
    fold: int
    error: str | None
    stopped: bool
    seconds: float


def train_job(job: FoldJob) -> Outcome:
    """Train the fold, or go on with it; a failure becomes words, since it crosses processes.

    A process does one at a time, in however many threads it is called.
    """
    with _ALONE:
        return _trained(job)


def _trained(job: FoldJob) -> Outcome:
    import torch

    from ricenet_v2.network.device import resolve_device
    from ricenet_v2.training.fold import train_fold
    from ricenet_v2.training.parts import StoppedError
    from ricenet_v2.training.team import Team

    started = time.monotonic()
    error, stopped = None, False
    try:
        if job.threads is not None:
            torch.set_num_threads(job.threads)
        team = Team(0, 1, resolve_device(job.device))
        train_fold(
            job.paths, job.plan, job.dataset, job.cases, job.splits, job.fold, job.options, team
        )
    except StoppedError as fault:
        error, stopped = str(fault), True
    except RicenetError as fault:
        error = str(fault)
    except Exception:  # noqa: BLE001 - the other trainings go on, and this one tells all it knows
        error = traceback.format_exc()
    return Outcome(job.subset, job.fold, error, stopped, time.monotonic() - started)
