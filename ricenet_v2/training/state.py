"""Changing state of training a fold, into a checkpoint and out of it.

No random state is kept: everything random is drawn again from seed, epoch and position (see
`loop`), so a run goes on exactly from the end of any epoch, on any number of processes.
"""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, TrainingError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.inference import prior
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.network.checkpointing import checkpoint_activations
from ricenet_v2.network.lineage import KEY
from ricenet_v2.network.random_state import seeded
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import TrainingPlan
from ricenet_v2.records.run import EpochRow, Run, Status
from ricenet_v2.store import checkpoints
from ricenet_v2.training.best_epoch import BestEpoch
from ricenet_v2.training.data_leakage import judged, lineage_of
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.initial_weights import begin_with, lineage_before
from ricenet_v2.training.job import Job, run_record
from ricenet_v2.training.loss_scaling import LossScaling
from ricenet_v2.training.optimiser import make_optimiser
from ricenet_v2.training.schedule import ScheduleSegment, ScheduleSegments, changed
from ricenet_v2.training.wrapping import precision

logger = logging.getLogger(__name__)

_OF_TRAINING = ("network", "ema", "optimiser", "best", "rows", "legs", "loss_scale")
"""Parts of a checkpoint that no prediction needs."""


@dataclass
class State:
    """All that changes while a fold is trained.

    Attributes:
        network: Never wrapped, so that its weights have the same names everywhere.
        ema: Averaged weights.
        optimiser: Optimiser state, with its moments.
        best: The best of the epochs.
        rows: One of each finished epoch.
        segments: Schedule segments for the learning rate.
        scaling: Loss scaling.
    """

    network: Classifier
    ema: Ema
    optimiser: torch.optim.Optimizer
    best: BestEpoch
    rows: list[EpochRow]
    segments: ScheduleSegments
    scaling: LossScaling

    @property
    def epoch(self) -> int:
        """Number of finished epochs."""
        return len(self.rows)

    def is_done(self, early_stop_epochs: int) -> bool:
        """Whether all epochs are done, or so many in a row were not the best."""
        segment = self.segments[-1]
        if self.epoch >= segment.epochs:
            return True
        best = -1 if self.best.best_epoch is None else self.best.best_epoch
        waited = self.epoch - 1 - max(best, segment.first_epoch - 1)
        return 0 < early_stop_epochs <= waited


def first_network(plan: Plan, seed: int) -> Classifier:
    """The network of a plan on the CPU; its weights come from the seed."""
    with seeded(seed, torch.device("cpu")):
        return build_network(plan.network, len(plan.channels), len(plan.classes))


def first_state(network: Classifier, plan: TrainingPlan, device: torch.device) -> State:
    """The state before the first epoch: the network moved to the device, laid out by the plan."""
    network = network.to(device)
    if plan.activation_checkpointing:
        checkpoint_activations(network)
    if plan.channels_last:
        network = network.to(memory_format=torch.channels_last_3d)
    optimiser = make_optimiser(network, plan)
    ema = Ema(network, plan.ema_decay)
    segments = (ScheduleSegment(0, plan.epochs),)
    scaling = LossScaling(device, precision(device, plan))
    return State(network, ema, optimiser, BestEpoch(), [], segments, scaling)


def fresh_state(job: Job) -> State:
    """First weights from the seed, or from a pretrained file, on the job's device."""
    plan = job.plan
    network = first_network(plan, seed_of(job.options.seed, "network", job.fold))
    if job.process_group.size > 1 and plan.network.norm == "batch":
        network = nn.SyncBatchNorm.convert_sync_batchnorm(network)  # type: ignore[no-untyped-call]
    if not job.goes_on:
        begin_with(
            network,
            plan.network,
            job.paths,
            job.options.pretrained_weights,
            allow_missing=job.options.allow_missing_weights,
            writes=job.process_group.leads,
            judge=partial(judged, job),
        )
    return first_state(network, plan.training, job.device)


def saved_state(job: Job) -> State:
    """The state after the last finished epoch, or the first one.

    Raises:
        CheckpointError: The checkpoint is missing, damaged, or one that this fold cannot continue
            from.
        TrainingError: More epochs are done than the run is to have.
    """
    state, epochs = fresh_state(job), job.plan.training.epochs
    if not job.goes_on:
        return state
    saved = checkpoints.load(job.paths.latest, "cpu")
    try:
        load(state, saved)
    except Exception as error:
        raise CheckpointError(
            f"Fold {job.fold} cannot resume from this checkpoint.",
            file=job.paths.latest,
            expected="a checkpoint that ricenet_train wrote for this plan, with its optimiser",
            got=f"{checkpoints.described(saved)} ({reason_of(error)[:200]})",
            remedy="Put the fold's own checkpoint back, or move the folder away to train the fold "
            "again. Weights of other programs are loaded with --pretrained_weights.",
        ) from error
    if state.epoch > epochs:
        raise TrainingError(
            f"Fold {job.fold} already has more epochs than that.",
            file=job.paths.folder,
            expected=f"--epochs of {state.epoch} or more",
            got=epochs,
            remedy="Choose a larger number, or move the folder away to train it again.",
        )
    state.segments = changed(state.segments, state.epoch, epochs)
    if job.process_group.leads and not job.is_corrected:
        logger.warning(
            "Fold %d was started by a version that did not correct probabilities for the class "
            "frequencies, and continues without, so that all of its epochs are judged by the same "
            "measure. Train the model again for corrected probabilities.",
            job.fold,
        )
    return state


def load(state: State, saved: Mapping[str, Any]) -> None:
    """Take over what `full_state` made."""
    state.network.load_state_dict(saved["network"])
    state.ema.load(saved["ema"])
    state.optimiser.load_state_dict(saved["optimiser"])
    state.scaling.load(saved.get("loss_scale", {}))
    state.best.load(saved["best"])
    state.rows = [EpochRow(**row) for row in saved["rows"]]
    state.segments = tuple(ScheduleSegment(first, epochs) for first, epochs in saved["legs"])


def inference_state(job: Job, state: State) -> dict[str, Any]:
    """State that a prediction needs."""
    shares = {} if job.prior is None else {"prior": prior.to_state(job.prior)}
    return {
        "inference_weights": state.ema.weights,
        "plan": documents.to_text(job.plan),
        "dataset": documents.to_text(job.dataset),
        "fold": job.fold,
        "channels": [channel.name for channel in job.plan.channels],
        "epoch": state.epoch,
        KEY: documents.to_text(lineage_of(job, lineage_before(job.paths))),
        **shares,
    }


def of_prediction(saved: Mapping[str, Any]) -> dict[str, Any]:
    """The part of a full state that a prediction needs."""
    return {name: value for name, value in saved.items() if name not in _OF_TRAINING}


def full_state(job: Job, state: State) -> dict[str, Any]:
    """State that a prediction or a resumed training needs."""
    return {
        **inference_state(job, state),
        "network": state.network.state_dict(),
        "ema": state.ema.state(),
        "optimiser": state.optimiser.state_dict(),
        "best": state.best.state(),
        "rows": [dataclasses.asdict(row) for row in state.rows],
        "legs": [[segment.first_epoch, segment.epochs] for segment in state.segments],
        **({"loss_scale": state.scaling.state()} if state.scaling.is_used else {}),
    }


def record_of(job: Job, state: State, status: Status) -> Run:
    """Record for run.json, with the finished epochs."""
    return dataclasses.replace(
        run_record(job, status, state.best.best_epoch),
        epochs_done=state.epoch,
        epochs_set=tuple((segment.first_epoch, segment.epochs) for segment in state.segments),
    )


def averaged(job: Job, state: State) -> Classifier:
    """The network with the averaged weights, which it shares with the state."""
    plan = job.plan
    with torch.device("meta"):
        network = build_network(plan.network, len(plan.channels), len(plan.classes))
    network.load_state_dict(state.ema.weights, assign=True)
    network.bands.to(job.device)  # no weights, so they were not assigned
    return network
