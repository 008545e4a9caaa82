"""Constant settings of training a fold, and its record."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch

from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.inference.prior import BALANCED, prior_of
from ricenet_v2.network.machine import device_name
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run, Status
from ricenet_v2.records.splits import Fold
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.training.batch_partition import BatchPartition
from ricenet_v2.training.data_flow import DataFlow
from ricenet_v2.training.initial_weights import source_of
from ricenet_v2.training.options import TrainOptions
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.ranked_epochs import ranks_epochs
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.wrapping import precision, uses_tf32
from ricenet_v2.version import __version__


@dataclass(frozen=True)
class Job:
    """One fold and all that decides how it is trained.

    Attributes:
        model: Files of all folds.
        paths: Files of this fold.
        dataset: Channels and classes of the dataset.
        plan: Plan with the channels, settings and epochs of the run.
        labels: Class of each case.
        patients: Patient of each case.
        train: Case ids.
        validation: Case ids.
        reader: Reader of preprocessed cases.
        flow: Flow of the training cases to the network.
        fold: Number.
        n_folds: Number of folds of the dataset, of all repeats.
        repeats: Number of divisions of all cases into folds.
        holdout: Share or column that decided what a single fold holds out; else empty.
        is_full: Whether all training cases are trained on and none is held out.
        group: Column of which each fold holds out one value; empty of stratified folds.
        held_out: The value of that column.
        options: Options that the user chose.
        process_group: The processes that train it.
        inputs: Hash of the preprocessed cases.
        intensities: Range of each channel's mean over the training cases, where it is known.
        directions: Direction cosines of the images of each training case.
        sizes: Usual range of extent, spacing and volume of the training cases.
        labels_of_masks: Labels of all training cases, by channel.
        test: Case ids of the dataset's test cases.
        images: Hashes of each case's images that no other patient has, where they are known; of
            test cases only where the fold is to begin with pretrained weights.
        is_corrected: Whether probabilities are corrected for the prior; not of a fold that goes on
            and was begun by a version that did not, or its epochs would be judged by two measures.
        fold_hashes: Hashes of all folds, as their cases, labels and patients are now.
        missing: Names of the channels that each case lacks; without those that lack none.
    """

    model: ModelPaths
    paths: FoldPaths
    dataset: Dataset
    plan: Plan
    labels: Mapping[str, str]
    patients: Mapping[str, str]
    train: tuple[str, ...]
    validation: tuple[str, ...]
    reader: CaseReader
    flow: DataFlow
    fold: int
    n_folds: int
    repeats: int
    holdout: str
    is_full: bool
    group: str
    held_out: str
    options: TrainOptions
    process_group: ProcessGroup
    inputs: str
    intensities: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    directions: tuple[tuple[float, ...], ...] = ()
    sizes: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    labels_of_masks: Mapping[str, tuple[float, ...]] = field(default_factory=dict)
    test: tuple[str, ...] = ()
    images: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    is_corrected: bool = True
    fold_hashes: tuple[str, ...] = ()
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def device(self) -> torch.device:
        """Device of this process."""
        return self.process_group.device

    @property
    def goes_on(self) -> bool:
        """Whether there is a checkpoint to go on from, and the user wants that."""
        return self.options.resume and self.paths.latest.is_file()

    @property
    def ranks_epochs(self) -> bool:
        """Whether a metric of the held-out cases ranks epochs; not where they are of one class."""
        return ranks_epochs(self.validation, self.labels)

    @property
    def share(self) -> BatchPartition:
        """The share of every update that this process does."""
        return BatchPartition(self.process_group.rank, self.process_group.size)

    @property
    def fold_hash(self) -> str:
        """Hash of which case is on which side of the fold, with its label and patient."""
        return Fold(self.train, self.validation).hash_with(self.labels, self.patients)

    @property
    def prior(self) -> Prior | None:
        """Class shares that the network is taught, and those of all training cases.

        None where probabilities are not corrected for them.
        """
        if not self.is_corrected:
            return None
        trained, held_out = (
            [self.labels[c] for c in each] for each in (self.train, self.validation)
        )
        return prior_of(trained, self.plan.classes, self.plan.training.balance, trained + held_out)

    @property
    def seed(self) -> int:
        """Seed of everything random after the first weights."""
        return seed_of(self.options.seed, "fold", self.fold)


def run_record(job: Job, status: Status, best_epoch: int | None) -> Run:
    """Record for run.json."""
    return Run(
        dataset=job.dataset.name,
        plan=job.plan.name,
        plan_hash=documents.fingerprint_of(job.plan),
        fold=job.fold,
        channels=tuple(channel.name for channel in job.plan.channels),
        seed=job.options.seed,
        device=str(job.device),
        epochs=job.plan.training.epochs,
        status=status,
        best_epoch=best_epoch,
        command=invocation(),
        versions={
            "ricenet_v2": __version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            **{use.package: use.version for use in job.plan.plugins},
        },
        group=job.group,
        held_out=job.held_out,
        preprocessed_hash=job.inputs,
        fold_hash=job.fold_hash,
        pretrained=source_of(job.paths),
        n_folds=job.n_folds,
        repeats=job.repeats,
        holdout=job.holdout,
        is_full=job.is_full,
        precision=precision(job.device, job.plan.training),
        tf32=uses_tf32(job.device, job.plan.training),
        n_processes=job.process_group.size,
        hardware=device_name(job.device),
        prior=job.prior,
        decide=BALANCED if job.is_corrected else None,
    )
