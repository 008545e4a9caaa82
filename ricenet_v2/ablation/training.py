"""Training every subset that is not trained yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ricenet_v2.ablation.budget import TrainingBudget
from ricenet_v2.ablation.executors import PROCESSES, executor_of
from ricenet_v2.ablation.jobs import FoldJob, Outcome, tables_hash, train_job
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import StoppedError
from ricenet_v2.core.pool import results
from ricenet_v2.core.progress import track
from ricenet_v2.network.device import resolve_device
from ricenet_v2.records.ablation import Subset
from ricenet_v2.training import parallel
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainingMachine:
    """Where and how the trainings run.

    Attributes:
        executor: `processes`, `serial`, or `module:factory`.
        number: `auto`, or how many processes at a time.
        threads: Of each; None shares the cores out.
        device: As the user named it.
        num_workers: Processes of each training that load and augment; None leaves it to it.
        cache_gb: Memory in which each training keeps cases.
    """

    executor: str = PROCESSES
    number: str = "auto"
    threads: int | None = None
    device: str | None = None
    num_workers: int | None = None
    cache_gb: float | None = None


def train_subsets(
    setup: TrainingSetup,
    budget: TrainingBudget,
    left: Sequence[tuple[Subset, int]],
    machine: TrainingMachine,
) -> list[Outcome]:
    """Train what is left, in the order given; one that fails does not keep the others from it.

    Args:
        setup: The dataset with its folds.
        budget: What all subsets share.
        left: Subset and fold of each training.
        machine: Where they run.

    Returns:
        How each ended, in the order in which they did.

    Raises:
        StoppedError: Somebody asked for an end; finished epochs are saved.
        TrainingError: There is no such executor or device.
    """
    if not left:
        return []
    jobs, number = _jobs(setup, budget, left, machine)
    logger.info(
        "%d trainings of %d epochs%s.",
        len(jobs),
        budget.epochs,
        f", {number} at a time" if machine.executor == PROCESSES else "",
    )
    outcomes, stop = list[Outcome](), StopSignal()
    with stop.listening():
        make = partial(executor_of, machine.executor, number)
        coming = results(make, train_job, jobs, _lost, stop)
        for _, outcome in track(coming, "training subsets", total=len(jobs)):
            outcomes.append(outcome)
            _log_outcome(outcome, len(outcomes), len(jobs))
            if outcome.stopped:
                stop.requested = True
    if stop.requested:
        raise StoppedError(
            "The ablation was stopped; finished epochs are saved.",
            file=setup.paths.results,
            remedy="Go on with the same command.",
        )
    return outcomes


def _log_outcome(outcome: Outcome, done: int, total: int) -> None:
    how = "failed" if outcome.error else f"{outcome.seconds:.0f} s"
    logger.info("%d of %d: %s, fold %d: %s", done, total, outcome.subset, outcome.fold, how)


def _lost(job: FoldJob, error: str) -> Outcome:
    return Outcome(job.subset, job.fold, error, stopped=False, seconds=0.0)


def _jobs(
    setup: TrainingSetup,
    budget: TrainingBudget,
    left: Sequence[tuple[Subset, int]],
    machine: TrainingMachine,
) -> tuple[list[FoldJob], int]:
    """The jobs, and how many processes work at them at a time."""
    resources = parallel.resources(resolve_device(machine.device))
    n_train = max(len(fold.train) for fold in setup.splits.folds)
    fitting = parallel.folds_that_fit(budget.plan, n_train, len(left), resources)
    number, threads = 1, machine.threads
    if machine.executor == PROCESSES:
        number = parallel.number_of(machine.number, fitting, len(left), "--num_processes")
        threads = threads or max(1, resources.cores // number)
    n_devices = len(resources.device_memory)
    tables = tables_hash(setup.dataset, setup.cases, setup.splits)
    jobs = [
        FoldJob(
            subset.name,
            fold,
            setup.paths,
            tables,
            budget.plan,
            _options(budget, subset, machine),
            _device(machine, index, n_devices),
            threads,
            invocation(),
        )
        for index, (subset, fold) in enumerate(left)
    ]
    return jobs, number


def _options(budget: TrainingBudget, subset: Subset, machine: TrainingMachine) -> TrainOptions:
    return budget.options(subset, num_workers=machine.num_workers, cache_gb=machine.cache_gb)


def _device(machine: TrainingMachine, index: int, n_devices: int) -> str | None:
    """Several CUDA devices of this machine take turns."""
    if machine.executor == PROCESSES and n_devices > 1 and machine.device in {None, "cuda"}:
        return f"cuda:{index % n_devices}"
    return machine.device
