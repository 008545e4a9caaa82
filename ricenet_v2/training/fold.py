"""One run: a fold from its first epoch to its out-of-fold predictions."""

from __future__ import annotations

import dataclasses
import logging
import platform
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import torch
from sklearn.metrics import f1_score

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.progress import track
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.network.device import resolve_device
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import EpochRow, Run
from ricenet_v2.records.splits import Splits
from ricenet_v2.store import checkpoints, tables
from ricenet_v2.store.cases import cases_hash
from ricenet_v2.store.paths import DatasetPaths, FoldPaths, ModelPaths
from ricenet_v2.training.curves import draw_progress
from ricenet_v2.training.loader import Source, TrainingBatches
from ricenet_v2.training.loop import Stopped, make_optimiser, predict_cases, train_epoch
from ricenet_v2.training.parts import BestKeeper, Ema, StopWish
from ricenet_v2.training.preview import draw_preview
from ricenet_v2.training.reader import CaseReader, cache_budget
from ricenet_v2.training.settings import channels_label, with_channels, with_settings
from ricenet_v2.training.workers import default_workers

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainOptions:
    """What a user chooses for a run; None leaves it to the plan, or to the machine.

    Of these, `num_workers` and `cache_gb` change no result.
    """

    channels: tuple[str, ...] | None = None
    resume: bool = False
    epochs: int | None = None
    overrides: Mapping[str, str] = field(default_factory=dict)
    seed: int = 0
    device: str | None = None
    preview_only: bool = False
    num_workers: int | None = None
    cache_gb: float | None = None


@dataclass
class _State:
    """All that changes while a fold is trained."""

    network: Classifier
    ema: Ema
    optimiser: torch.optim.Optimizer
    best: BestKeeper
    rows: list[EpochRow]

    @property
    def epoch(self) -> int:
        return len(self.rows)


@dataclass(frozen=True)
class _Job:
    """All that does not change."""

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
    options: TrainOptions
    device: torch.device
    inputs: str


def effective_plan(plan: Plan, options: TrainOptions) -> Plan:
    """The plan with the run's channels, settings and epochs."""
    overrides = dict(options.overrides)
    if options.epochs is not None:
        overrides["epochs"] = str(options.epochs)
    return with_settings(with_channels(plan, options.channels), overrides)


def train_fold(
    paths: DatasetPaths,
    plan: Plan,
    dataset: Dataset,
    cases: Sequence[Case],
    splits: Splits,
    fold: int,
    options: TrainOptions,
) -> Run:
    """Train one fold, or go on with it, and predict its validation cases.

    Args:
        paths: Of the dataset.
        plan: As stored for the dataset.
        dataset: Channels and classes.
        cases: All cases.
        splits: The folds.
        fold: Number of the fold.
        options: What the user chose.

    Raises:
        TrainingError: The fold exists and is not to be continued, or was trained otherwise.
    """
    job = _prepare(paths, plan, dataset, cases, splits, fold, options)
    if options.preview_only:
        target = job.paths.augmentation
        draw_preview(job.reader, job.train, job.plan, options.seed, target)
        logger.info("Augmented samples are drawn in %s", target)
        return _run_record(job, "stopped", None)
    _check_folder(job)
    documents.write(job.model.plan, job.plan)
    documents.write(job.model.dataset, dataset)
    handler = logging.FileHandler(_made(job.paths).log, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    root = logging.getLogger("ricenet_v2")
    root.addHandler(handler)
    try:
        return _train(job)
    finally:
        root.removeHandler(handler)
        handler.close()


def _made(paths: FoldPaths) -> FoldPaths:
    paths.folder.mkdir(parents=True, exist_ok=True)
    return paths


def _prepare(
    paths: DatasetPaths,
    plan: Plan,
    dataset: Dataset,
    cases: Sequence[Case],
    splits: Splits,
    fold: int,
    options: TrainOptions,
) -> _Job:
    if not 0 <= fold < len(splits.folds):
        raise TrainingError(
            "There is no such fold.", expected=f"0 to {len(splits.folds) - 1}", got=fold
        )
    used = effective_plan(plan, options)
    names = [channel.name for channel in plan.channels]
    indices = [names.index(channel.name) for channel in used.channels]
    model = paths.run(plan.name, channels_label(plan, options.channels))
    chosen = splits.folds[fold]
    folder = paths.cases(plan.name)
    return _Job(
        model=model,
        paths=model.fold(fold),
        dataset=dataset,
        plan=used,
        labels={case.case_id: case.label for case in cases},
        patients={case.case_id: case.patient_id for case in cases},
        train=chosen.train,
        validation=chosen.validation,
        reader=CaseReader(
            folder,
            indices,
            cache_budget(options.cache_gb),
            # A contact sheet reads each case once.
            () if options.preview_only else (*chosen.train, *chosen.validation),
        ),
        fold=fold,
        options=options,
        device=resolve_device(options.device),
        inputs=cases_hash(folder, (*chosen.train, *chosen.validation)),
    )


def _check_folder(job: _Job) -> None:
    """Refuse to overwrite a run, or to go on with another one than was begun."""
    if not job.paths.run.is_file():
        return
    if not job.options.resume:
        raise TrainingError(
            f"Fold {job.fold} is already there.",
            file=job.paths.folder,
            expected="a fold that was not trained yet",
            remedy="Go on with --continue, or move the folder away to train it anew.",
        )
    old, new = documents.read(Run, job.paths.run), _run_record(job, "running", None)
    differing = [
        f"{name}: {getattr(old, name)} there, {getattr(new, name)} now"
        for name in ("plan_hash", "channels", "seed", "preprocessed_hash")
        if getattr(old, name) != getattr(new, name)
    ]
    if differing:
        raise TrainingError(
            f"Fold {job.fold} was begun otherwise and cannot be continued like this.",
            file=job.paths.folder,
            got="; ".join(differing),
            remedy="Repeat the first command with --continue, or move the folder away.",
        )


def _run_record(
    job: _Job, status: Literal["running", "stopped", "finished"], best_epoch: int | None
) -> Run:
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
        command=tuple(sys.argv),
        versions={"python": platform.python_version(), "torch": str(torch.__version__)},
        preprocessed_hash=job.inputs,
    )


def _train(job: _Job) -> Run:
    state = _fresh(job)
    if job.options.resume and job.paths.latest.is_file():
        _load(state, checkpoints.load(job.paths.latest, "cpu"))
        logger.info("Fold %d goes on after epoch %d.", job.fold, state.epoch)
    documents.write(job.paths.run, _run_record(job, "running", state.best.best_epoch))
    stop = StopWish()
    try:
        with stop.listening():
            _epochs(job, state, stop)
    except Stopped as wish:
        documents.write(job.paths.run, _run_record(job, "stopped", state.best.best_epoch))
        raise TrainingError(
            f"Training of fold {job.fold} was stopped; {state.epoch} finished epochs are saved.",
            file=job.paths.folder,
            remedy="Go on with the same command and --continue.",
        ) from wish
    _finish(job, state)
    run = _run_record(job, "finished", state.best.best_epoch)
    documents.write(job.paths.run, run)
    return run


def _fresh(job: _Job) -> _State:
    torch.manual_seed(seed_of(job.options.seed, "network", job.fold))
    plan = job.plan
    network = build_network(plan.network, len(plan.channels), len(plan.classes)).to(job.device)
    optimiser = make_optimiser(network, plan.training)
    return _State(network, Ema(network, plan.training.ema_decay), optimiser, BestKeeper(), [])


def _load(state: _State, saved: Mapping[str, Any]) -> None:
    state.network.load_state_dict(saved["network"])
    state.ema.load(saved["ema"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.best.load(saved["best"])
    state.rows = [EpochRow(**row) for row in saved["rows"]]
    torch.set_rng_state(saved["torch_random"])
    if saved.get("cuda_random"):
        torch.cuda.set_rng_state_all(saved["cuda_random"])


def _inference_state(job: _Job, state: _State) -> dict[str, Any]:
    return {
        "inference_weights": state.ema.weights,
        "plan": documents.to_text(job.plan),
        "dataset": documents.to_text(job.dataset),
        "fold": job.fold,
        "channels": [channel.name for channel in job.plan.channels],
        "epoch": state.epoch,
    }


def _full_state(job: _Job, state: _State) -> dict[str, Any]:
    cuda = torch.cuda.get_rng_state_all() if job.device.type == "cuda" else []
    return {
        **_inference_state(job, state),
        "network": state.network.state_dict(),
        "ema": state.ema.state(),
        "optimiser": state.optimiser.state_dict(),
        "best": state.best.state(),
        "rows": [dataclasses.asdict(row) for row in state.rows],
        "torch_random": torch.get_rng_state(),
        "cuda_random": cuda,
    }


def _epochs(job: _Job, state: _State, stop: StopWish) -> None:
    training = job.plan.training
    if state.epoch >= training.epochs:
        return
    labels = {case: job.labels[case] for case in job.train}
    source = Source(job.reader, labels, job.plan, seed_of(job.options.seed, "fold", job.fold))
    workers = job.options.num_workers
    if workers is None:
        workers = default_workers(job.device)
    batches = TrainingBatches(source, state.epoch, workers, job.device)
    try:
        todo = range(state.epoch, training.epochs)
        for epoch in track(todo, f"fold {job.fold}: epochs"):
            if _epoch(job, state, batches, epoch, stop):
                checkpoints.save(job.paths.best, _inference_state(job, state))
            checkpoints.save(job.paths.latest, _full_state(job, state))
            tables.write_rows(job.paths.history, [dataclasses.asdict(row) for row in state.rows])
            draw_progress(state.rows, job.paths.progress, f"{job.dataset.name}, fold {job.fold}")
    finally:
        batches.close()


def _epoch(job: _Job, state: _State, batches: TrainingBatches, epoch: int, stop: StopWish) -> bool:
    """Train and validate one epoch; whether it is the best so far."""
    started = time.perf_counter()
    result = train_epoch(
        state.network, state.optimiser, state.ema, batches, job.plan.training, epoch, stop
    )
    loss, macro_f1 = _validate(job, state)
    is_best = state.best.update(epoch, macro_f1)
    state.rows.append(
        EpochRow(
            epoch=epoch,
            learning_rate=float(state.optimiser.param_groups[0]["lr"]),
            train_loss=result.loss,
            validation_loss=loss,
            validation_macro_f1=macro_f1,
            validation_macro_f1_ema=float(state.best.average or 0.0),
            seconds=time.perf_counter() - started,
            waiting=result.waiting / max(result.seconds, 1e-9),
        )
    )
    logger.debug("%s", state.rows[-1])
    return is_best


def _validate(job: _Job, state: _State) -> tuple[float, float]:
    """Loss and macro F1 of the averaged weights on the validation cases."""
    found = predict_cases(_averaged(job, state), job.reader, job.validation)
    truth = [job.plan.classes.index(job.labels[case]) for case in job.validation]
    picked = found[np.arange(len(truth)), truth]
    loss = float(-np.log(np.clip(picked, 1e-7, 1)).mean())
    labels = list(range(len(job.plan.classes)))
    f1 = f1_score(truth, found.argmax(axis=1), labels=labels, average="macro", zero_division=0)
    return loss, float(f1)


def _averaged(job: _Job, state: _State) -> Classifier:
    with torch.random.fork_rng(devices=[]):
        network = build_network(job.plan.network, len(job.plan.channels), len(job.plan.classes))
    network.load_state_dict(state.ema.weights)
    return network.to(job.device)


def _finish(job: _Job, state: _State) -> None:
    """Final checkpoint and out-of-fold predictions, with the mirroring that prediction uses."""
    checkpoints.save(job.paths.final, _inference_state(job, state))
    axes = job.plan.training.augmentation.mirror_axes
    found = predict_cases(_averaged(job, state), job.reader, job.validation, axes)
    classes = job.plan.classes
    rows = [
        {
            "case_id": case,
            "patient_id": job.patients[case],
            "label": job.labels[case],
            "predicted": classes[int(values.argmax())],
            **{f"prob_{name}": float(v) for name, v in zip(classes, values, strict=True)},
        }
        for case, values in zip(job.validation, found, strict=True)
    ]
    tables.write_rows(job.paths.validation, rows)
    last = state.rows[-1]
    logger.info(
        "Fold %d is trained: %d epochs, validation loss %.3f, macro F1 %.3f (n = %d) in %s",
        job.fold,
        state.epoch,
        last.validation_loss,
        last.validation_macro_f1,
        len(rows),
        job.paths.folder,
    )
