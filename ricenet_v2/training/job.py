"""What does not change while a fold is trained."""

from __future__ import annotations

import dataclasses
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch

from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.inference.prior import BALANCED, prior_of
from ricenet_v2.network.machine import device_name
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.lineage import identifying, telling
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plugins import with_plugins
from ricenet_v2.records.prior import Prior
from ricenet_v2.records.run import Run, Status
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store import cases as store
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.fold_remedy import read_run
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths, ModelPaths
from ricenet_v2.training.batch_partition import BatchPartition, check_sharing
from ricenet_v2.training.initial_weights import source_of
from ricenet_v2.training.preprocessed import (
    check_described,
    intensities,
    mask_labels,
    records_of_plan,
    sizes,
)
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader, cache_budget
from ricenet_v2.training.settings import channels_label, with_channels, with_settings
from ricenet_v2.training.workers import default_workers
from ricenet_v2.training.wrapping import precision
from ricenet_v2.version import __version__


@dataclass(frozen=True)
class TrainOptions:
    """What a user chooses for a run; None leaves it to the plan, or to the machine.

    Of these, `num_workers`, `cache_gb` and `loggers` change no result. `folder_seed` is the seed
    that the folder of the model is named after; None for the folder without one.
    """

    channels: tuple[str, ...] | None = None
    resume: bool = False
    epochs: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    preview_only: bool = False
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False
    allow_leak: bool = False
    num_workers: int | None = None
    cache_gb: float | None = None
    loggers: tuple[str, ...] = ()
    folder_seed: int | None = None


@dataclass(frozen=True)
class Job:
    """One fold and all that decides how it is trained.

    Attributes:
        model: Files of all folds.
        paths: Files of this fold.
        dataset: Channels and classes of the dataset.
        plan: With the channels, settings and epochs of the run.
        labels: Class of each case.
        patients: Patient of each case.
        train: Case ids.
        validation: Case ids.
        reader: Reader of preprocessed cases.
        fold: Number.
        n_folds: Number of folds of the dataset.
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
    fold: int
    n_folds: int
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

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.process_group.device

    @property
    def goes_on(self) -> bool:
        """Whether there is a checkpoint to go on from, and the user wants that."""
        return self.options.resume and self.paths.latest.is_file()

    @property
    def share(self) -> BatchPartition:
        """What this process does of every update."""
        return BatchPartition(self.process_group.rank, self.process_group.size)

    @property
    def num_workers(self) -> int:
        """Processes of this one that load and augment."""
        if self.options.num_workers is not None:
            return self.options.num_workers
        return default_workers(self.device, self.process_group.size)

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


def effective_plan(plan: Plan, options: TrainOptions) -> Plan:
    """The plan with the run's channels, settings and epochs."""
    overrides = dict(options.overrides)
    if options.epochs is not None:
        overrides["epochs"] = str(options.epochs)
    return with_plugins(with_settings(with_channels(plan, options.channels), overrides))


def model_of(paths: DatasetPaths, plan: Plan, options: TrainOptions) -> ModelPaths:
    """Files of the model that the options train."""
    return paths.run(plan.name, channels_label(plan, options.channels), options.folder_seed)


def prepare(
    paths: DatasetPaths,
    plan: Plan,
    dataset: Dataset,
    cases: Sequence[Case],
    splits: Splits,
    fold: int,
    options: TrainOptions,
    process_group: ProcessGroup,
) -> Job:
    """Put together what a fold needs; the arguments are those of `train_fold`.

    Raises:
        TrainingError: No such fold, or the processes cannot share its updates.
        PlanError: Cases of the fold were preprocessed by another plan, or not at all, or
            dataset.json is not that of the plan.
    """
    if not 0 <= fold < len(splits.folds):
        raise TrainingError(
            "There is no such fold.", expected=f"0 to {len(splits.folds) - 1}", got=fold
        )
    check_described(plan, dataset, paths.raw / DATASET_JSON)
    used = effective_plan(plan, options)
    names = [channel.name for channel in plan.channels]
    indices = [names.index(channel.name) for channel in used.channels]
    model = model_of(paths, plan, options)
    chosen = splits.folds[fold]
    folder = paths.cases(plan.name)
    records = records_of_plan(folder, (*chosen.train, *chosen.validation), plan)
    test = tuple(case.case_id for case in cases if case.split == "test")
    requested = test if options.pretrained_weights is not None else ()
    tested = [store.read_record(folder, case) for case in requested if store.has_case(folder, case)]
    images = {each.case_id: identifying(each, plan.channels) for each in (*records, *tested)}
    patients = {case.case_id: case.patient_id for case in cases}
    labels = {case.case_id: case.label for case in cases}
    job = Job(
        model=model,
        paths=model.fold(fold),
        dataset=dataset,
        plan=_with_epochs_of_run(used, model.fold(fold), options),
        labels=labels,
        patients=patients,
        train=chosen.train,
        validation=chosen.validation,
        reader=_reader(folder, indices, chosen, options, process_group, records),
        fold=fold,
        n_folds=len(splits.folds),
        group=splits.group,
        held_out=chosen.held_out,
        options=options,
        process_group=process_group,
        inputs=store.cases_hash(records),
        intensities=intensities(records, chosen.train),
        directions=tuple(r.source_direction for r in records if r.case_id in set(chosen.train)),
        sizes=sizes(records, chosen.train),
        labels_of_masks=mask_labels(records, chosen.train),
        test=test,
        images=telling(images, patients),
        is_corrected=not _began_uncorrected(model.fold(fold), options),
        fold_hashes=tuple(each.hash_with(labels, patients) for each in splits.folds),
    )
    check_sharing(job.share, job.plan, job.device.type)
    return job


def _reader(
    folder: Path,
    channels: Sequence[int],
    fold: Fold,
    options: TrainOptions,
    process_group: ProcessGroup,
    records: Sequence[PreprocessedCase],
) -> CaseReader:
    """Each process of a process group keeps cases of its own, so they share the budget out."""
    budget = cache_budget(options.cache_gb) // process_group.size
    # A contact sheet reads each case once.
    wanted = () if options.preview_only else (*fold.train, *fold.validation)
    states = {each.case_id: store.state_of(each) for each in records}
    return CaseReader(folder, channels, budget, wanted, states)


def _began_uncorrected(paths: FoldPaths, options: TrainOptions) -> bool:
    """Whether a fold goes on that a version began which did not correct for the prior."""
    if not options.resume or not paths.run.is_file():
        return False
    run = read_run(paths)
    named = options.epochs or options.overrides.get("epochs", run.epochs)
    is_trained = (
        run.status == "finished" and paths.final.is_file() and str(named) == str(run.epochs)
    )
    return run.prior is None and (is_trained or paths.latest.is_file())


def _with_epochs_of_run(plan: Plan, paths: FoldPaths, options: TrainOptions) -> Plan:
    """A run that goes on keeps its number of epochs unless another is named."""
    is_named = options.epochs is not None or "epochs" in options.overrides
    if is_named or not options.resume or not paths.run.is_file():
        return plan
    return with_epochs(plan, read_run(paths).epochs)


def with_epochs(plan: Plan, epochs: int) -> Plan:
    """The plan with another number of epochs."""
    return dataclasses.replace(plan, training=dataclasses.replace(plan.training, epochs=epochs))


def run_record(job: Job, status: Status, best_epoch: int | None) -> Run:
    """What is written to run.json."""
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
        precision=precision(job.device, job.plan.training),
        n_processes=job.process_group.size,
        hardware=device_name(job.device),
        prior=job.prior,
        decide=BALANCED if job.is_corrected else None,
    )
