"""Training every subset that is not trained yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from functools import partial

from ricenet_v2.ablation.budget import TrainingBudget
from ricenet_v2.ablation.executors import PROCESSES, executor_of
from ricenet_v2.ablation.jobs import FoldJob, Outcome, tables_hash, train_job
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import StoppedError
from ricenet_v2.core.options import options
from ricenet_v2.core.pool import results
from ricenet_v2.core.progress import track
from ricenet_v2.network.device import resolve_device
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.ranges import Count, Index
from ricenet_v2.training import parallel
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.preparation import demand_of
from ricenet_v2.training.slots import TrainingSlot
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.training_setup import TrainingSetup

logger = logging.getLogger(__name__)


@options
class TrainingMachine:
    """Device, processes and caches of the trainings.

    Attributes:
        executor: `processes`, `serial`, or `module:factory`.
        number: `auto`, or how many processes at a time.
        threads: Threads of each training; None divides the cores among them.
        device: Device as the user named it.
        num_workers: Processes of each training that load and augment; None leaves it to it.
        cache_gb: Memory in which each training keeps cases.
        device_cache_gb: Memory of a CUDA device in which each keeps its training cases.
    """

    executor: str = PROCESSES
    number: str = "auto"
    threads: Count | None = None
    device: str | None = None
    num_workers: Index | None = None
    cache_gb: float | None = None
    device_cache_gb: float | None = None


def train_subsets(
    setup: TrainingSetup,
    budget: TrainingBudget,
    left: Sequence[tuple[Subset, int]],
    machine: TrainingMachine,
) -> list[Outcome]:
    """Train what is left, in the order given; one that fails does not keep the others from it.

    Args:
        setup: The dataset with its folds.
        budget: Epochs, seed and settings that all subsets share.
        left: Subset and fold of each training.
        machine: Where they run.

    Returns:
        How each ended, in the order in which they did.

    Raises:
        StoppedError: The user requested a stop; finished epochs are saved.
        TrainingError: There is no such executor or device.
    """
    if not left:
        return []
    jobs, slots = _jobs(setup, budget, left, machine)
    where = parallel.described(slots)
    logger.info(
        "%d trainings of %d epochs%s%s.",
        len(jobs),
        budget.epochs,
        f", {len(slots)} at a time" if machine.executor == PROCESSES else "",
        f": {where}" if where else "",
    )
    outcomes, stop = list[Outcome](), StopSignal()
    with stop.listening():
        environments = [slot.environment for slot in slots]
        make = partial(executor_of, machine.executor, len(slots), environments)
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
            remedy="Resume with the same command.",
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
) -> tuple[list[FoldJob], list[TrainingSlot]]:
    """The jobs, and where processes work at them at a time."""
    slots, threads, options = (
        [TrainingSlot()],
        machine.threads,
        _options(budget, left[0][0], machine),
    )
    if machine.executor == PROCESSES:
        device = resolve_device(machine.device)
        there = parallel.resources(device)
        demand = demand_of(setup, budget.plan, options)
        fitting = parallel.folds_that_fit(demand, len(left), there)
        number = parallel.number_of(machine.number, fitting, len(left), "--num_processes")
        slots = parallel.slots_for(demand, number, there)
        threads = threads or max(1, there.cores // number)
        workers = parallel.workers_beside(demand, device, number, there)
        machine = _settled(machine, slots, None if device.type == "cpu" else workers)
    tables = tables_hash(setup.dataset, setup.cases, setup.splits)
    jobs = [
        FoldJob(
            subset.name,
            fold,
            setup.paths,
            tables,
            budget.plan,
            _options(budget, subset, machine),
            slots[0].device(machine.device),
            threads,
            invocation(),
        )
        for subset, fold in left
    ]
    return jobs, slots


def _settled(
    machine: TrainingMachine, slots: Sequence[TrainingSlot], num_workers: int | None
) -> TrainingMachine:
    """Settings that hold for a training in any slot."""
    sizes = [size for slot in slots if (size := slot.device_cache_gb) is not None]
    return replace(
        machine,
        num_workers=machine.num_workers if num_workers is None else num_workers,
        device_cache_gb=min(sizes) if sizes else machine.device_cache_gb,
    )


def _options(budget: TrainingBudget, subset: Subset, machine: TrainingMachine) -> TrainOptions:
    return budget.options(
        subset,
        num_workers=machine.num_workers,
        cache_gb=machine.cache_gb,
        device_cache_gb=machine.device_cache_gb,
    )
