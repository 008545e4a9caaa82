"""Cost of a fold on this machine: its stages by the clock, and estimates from them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.benchmarking import stages
from ricenet_v2.benchmarking.timing import (
    Bench,
    Peak,
    TimingRounds,
    make_bench,
    time_steps,
    watched_memory,
)
from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, TrainingError
from ricenet_v2.network.machine import described
from ricenet_v2.records.benchmark import Benchmark, Estimate, Stage
from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.cases import has_case
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.training.data_flow import open_batches
from ricenet_v2.training.job import Job
from ricenet_v2.training.source import Source

_UPDATES_OF_PEAK = 2


@dataclass(frozen=True)
class Effort:
    """Amount of measurement: updates in a turn, and rounds of each stage."""

    updates: int = 10
    rounds: int = 5

    def __post_init__(self) -> None:
        """Refuse numbers with which nothing would be measured.

        Raises:
            TrainingError: One is below 1.
        """
        if min(self.updates, self.rounds) < 1:
            raise TrainingError(
                "updates and rounds must be at least 1.",
                expected="1 or more updates and rounds",
                got=f"{self.updates} updates, {self.rounds} rounds",
                remedy="Name larger numbers, or leave --updates and --rounds out.",
            )


def check_preprocessed(folder: Path, splits: Splits, dataset: str) -> None:
    """See that all cases of the folds are there.

    Args:
        folder: Folder of the preprocessed cases.
        splits: The folds.
        dataset: Dataset as the user named it.

    Raises:
        DatasetError: Some are missing.
    """
    needed = {case for fold in splits.folds for case in (*fold.train, *fold.validation)}
    missing = sorted(case for case in needed if not has_case(folder, case))
    if missing:
        raise DatasetError(
            "This dataset is not completely preprocessed.",
            file=folder,
            expected=f"{len(needed)} cases",
            got=f"{len(missing)} missing: {', '.join(missing[:5])}",
            remedy=f"Run ricenet_plan_and_preprocess {dataset}: it makes what is missing.",
        )


def measure(job: Job, raw: RawDataset, splits: Splits, effort: Effort) -> Benchmark:
    """Measure every stage; nothing is written into the folders of the dataset.

    Args:
        job: The fold, in one process.
        raw: The dataset; preprocessing is left out where its images are not there.
        splits: All folds.
        effort: Number of updates and rounds to measure.

    Raises:
        RicenetError: A case cannot be read, preprocessed or trained on.
    """
    n_rounds, reading = effort.rounds, stages.reading(job)
    bench, turns, peak = _timed(job, effort)
    measured = (
        *stages.steps(job, turns),
        stages.augmentation(job, n_rounds),
        reading,
        *stages.preprocessing(job, raw, n_rounds),
        stages.prediction(job, bench, len(splits.folds), n_rounds),
        stages.validation(job, bench, n_rounds),
        *stages.saving(job, bench, n_rounds),
        *stages.memory(job, peak),
    )
    return Benchmark(
        dataset=job.dataset.name,
        plan=job.plan.name,
        plan_hash=documents.fingerprint_of(job.plan),
        fold=job.fold,
        machine=described(job.device),
        num_workers=job.flow.loading_processes,
        updates=effort.updates,
        rounds=n_rounds,
        stages=measured,
        estimate=estimated(measured, job.plan.training, splits, job.fold, stages.n_mirrorings(job)),
    )


def _timed(job: Job, effort: Effort) -> tuple[Bench, TimingRounds, Peak]:
    labels = {case: job.labels[case] for case in job.train}
    source = Source(job.reader, labels, job.plan, job.seed)
    batches = open_batches(job.flow, source, 0, job.device)
    try:
        with watched_memory(job.device) as peak:
            bench = make_bench(job.plan, job.process_group)
            if job.device.type == "cuda":
                bench.train(batches, 0, _UPDATES_OF_PEAK)
        return bench, time_steps(bench, batches, effort.updates, effort.rounds), peak
    finally:
        batches.close()


def estimated(
    measured: Sequence[Stage], plan: TrainingPlan, splits: Splits, fold: int, n_mirrorings: int
) -> Estimate:
    """Seconds of an epoch, of a fold and of all folds, one after the other.

    An epoch is its updates, the validation of the fold's cases and a copy of the state. After the
    last one the validation cases are predicted once more, mirrored. The start of the program,
    curves, checkpoints that a thread writes and copies of best epochs are not counted.

    Args:
        measured: Stages, those of an epoch among them.
        plan: Updates and epochs.
        splits: All folds.
        fold: Fold whose duration per epoch and in all is estimated.
        n_mirrorings: Passes of the network for a case that is predicted.
    """
    took = {stage.name: stage.measured for stage in measured}
    counts = [len(each.validation) for each in splits.folds]
    updates = plan.iterations_per_epoch * took[stages.STEP]
    epochs = [updates + n * took[stages.VALIDATION] + took[stages.COPYING] for n in counts]
    folds = [
        plan.epochs * epoch + n * n_mirrorings * took[stages.VALIDATION]
        for epoch, n in zip(epochs, counts, strict=True)
    ]
    return Estimate(
        updates=plan.iterations_per_epoch,
        epochs=plan.epochs,
        folds=len(counts),
        epoch=epochs[fold],
        fold=folds[fold],
        all_folds=sum(folds),
    )
