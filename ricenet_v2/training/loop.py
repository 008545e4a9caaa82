"""The loop, as plain functions.

Everything random in a step is drawn from (seed, epoch, position of its first sample), so a step
depends neither on the steps before it nor on how many processes share the update.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from ricenet_v2.core.ahead import one_ahead
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.seeds import generator, seed_of
from ricenet_v2.inference.test_time_augmentation import pooled_features, probabilities
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.random_state import seeded
from ricenet_v2.network.tf32 import float32
from ricenet_v2.records.plan_parts import ChannelPlan, TrainingPlan
from ricenet_v2.training.augmentation.transfer import sent
from ricenet_v2.training.batch_partition import BatchPartition
from ricenet_v2.training.data_clock import Mark, mark, seconds_between
from ricenet_v2.training.ema import Ema
from ricenet_v2.training.loader import Batch
from ricenet_v2.training.loss import mean_loss
from ricenet_v2.training.loss_scaling import LossScaling
from ricenet_v2.training.mixup import mix
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.schedule import ScheduleSegments, learning_rate
from ricenet_v2.training.stop_signal import StopSignal
from ricenet_v2.training.wrapping import autocast, moved, without_sync

_SHOWN = 5


@dataclass(frozen=True)
class EpochResult:
    """Mean loss, seconds in all, seconds that the network waited for data, updates left out.

    On CUDA these are seconds in which the device had nothing to do, because the program waited for
    a batch: while the device still has work, no time is lost.
    """

    loss: float
    seconds: float
    waiting: float
    skipped: int = 0


@dataclass(frozen=True)
class TrainingTask:
    """Settings of the training.

    Attributes:
        plan: Settings.
        segments: Schedule segments for the learning rate.
        n_classes: Number of classes.
        class_weights: Weight of each class in the loss; None weights all equally.
        seed: Seed of dropout, stochastic depth and mixup.
        process_group: Processes that share every update.
        after_update: Is called after each update.
        channels: Channels of the samples, if some may be missing; else empty.
    """

    plan: TrainingPlan
    segments: ScheduleSegments
    n_classes: int
    class_weights: tuple[float, ...] | None
    seed: int
    process_group: ProcessGroup
    after_update: Callable[[], None] = lambda: None
    channels: tuple[ChannelPlan, ...] = ()


@float32("tf32")
def train_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    ema: Ema,
    batches: Iterator[Batch],
    task: TrainingTask,
    epoch: int,
    stop: StopSignal,
    scaling: LossScaling,
) -> EpochResult:
    """One epoch of updates; gradients of `accumulation_steps` batches make one update.

    Convolutions that are not in mixed precision may be TF32, as torch has it by default.

    Args:
        network: Network as wrapped by `wrapping.wrapped`.
        optimiser: Optimiser of the network.
        ema: Follows the network; made from the network before it was wrapped.
        batches: The steps of this process, in order.
        task: Settings of the training.
        epoch: Number of the epoch.
        stop: Looked at before each update is made.
        scaling: Loss scaling.

    Raises:
        TrainingError: The loss is not finite; the text names the cases.
        Stopped: The user requested a stop.
    """
    network.train()
    started, waiting, losses, skipped = time.perf_counter(), 0.0, [], 0
    per_epoch = task.plan.iterations_per_epoch
    for step in range(per_epoch):
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(task.plan, task.segments, epoch * per_epoch + step)
        optimiser.zero_grad(set_to_none=True)
        with task.process_group.agreed(stop):
            last, step_losses, waits = _accumulate(network, batches, task, epoch, step, scaling)
        scaling.scaled(last).backward()  # type: ignore[no-untyped-call]
        scaling.unscale(optimiser)
        nn.utils.clip_grad_norm_(network.parameters(), task.plan.gradient_clip)
        # Only here the program waits for the device, which meanwhile does all of the backward pass.
        # Once an epoch would be too rare: weights would follow a loss that is not finite.
        with task.process_group.agreed():
            update_losses = _finite(step_losses)
        # The learning rate follows the number of the update, whether or not one is skipped.
        if scaling.step(optimiser):
            ema.update()
        else:
            skipped += 1
        losses.extend(update_losses)
        waiting += sum(seconds_between(*wait) for wait in waits)  # all of them are over by now
        task.after_update()
    total = task.process_group.sum(torch.tensor([sum(losses), len(losses)], dtype=torch.float64))
    seconds = time.perf_counter() - started
    return EpochResult(float(total[0] / total[1]), seconds, waiting, skipped)


def _accumulate(
    network: nn.Module,
    batches: Iterator[Batch],
    task: TrainingTask,
    epoch: int,
    step: int,
    scaling: LossScaling,
) -> tuple[torch.Tensor, list[tuple[torch.Tensor, Sequence[str]]], list[tuple[Mark, Mark]]]:
    """All gradients of an update but those of the last step.

    Where processes share the update, that last backward pass waits for them and averages.

    Returns:
        What the last backward pass starts from, the loss and the cases of each step, and from when
        to when data were waited for.
    """
    plan, device = task.plan, task.process_group.device
    steps = BatchPartition(task.process_group.rank, task.process_group.size).positions(plan)
    start = step * plan.accumulation_steps * plan.batch_size
    step_losses: list[tuple[torch.Tensor, Sequence[str]]] = []
    waits: list[tuple[Mark, Mark]] = []
    for number, positions in enumerate(steps, start=1):
        asked = mark(device)
        batch = next(batches)
        waits.append((asked, batch.ready or mark(device)))
        is_last = number == len(steps)
        with without_sync(network, enabled=not is_last):
            loss = _loss(network, batch, task, epoch, start + positions[0])
            if not is_last:
                scaling.scaled(loss / len(steps)).backward()  # type: ignore[no-untyped-call]
        step_losses.append((loss.detach(), batch.case_ids))
    return loss / len(steps), step_losses, waits


def _finite(step_losses: Sequence[tuple[torch.Tensor, Sequence[str]]]) -> list[float]:
    """The losses of an update, in one transfer from the device, all finite."""
    values: list[float] = torch.stack([loss for loss, _ in step_losses]).tolist()
    for value, (_, case_ids) in zip(values, step_losses, strict=True):
        _check_finite(value, case_ids)
    return values


def _loss(
    network: nn.Module, batch: Batch, task: TrainingTask, epoch: int, position: int
) -> torch.Tensor:
    plan, device = task.plan, task.process_group.device
    images = moved(batch.images, device, plan)
    targets = functional.one_hot(moved(batch.targets, device, plan), task.n_classes).float()
    if plan.mixup > 0:
        random = generator(task.seed, "mixup", epoch, position)
        images, targets = mix(images, targets, plan.mixup, random, task.channels)
    # Dropout and stochastic depth draw from torch's own generator, of whatever device.
    seed = seed_of(task.seed, "dropout", epoch, position)
    with seeded(seed, device), autocast(device, plan):
        logits = network(images)
    weights = None
    if task.class_weights is not None:
        (weights,) = sent([torch.tensor(task.class_weights)], device)
    return mean_loss(logits.float(), targets, plan.label_smoothing, weights)


def _check_finite(loss: float, case_ids: Sequence[str]) -> None:
    if math.isfinite(loss):
        return
    raise TrainingError(
        "The loss is not finite.",
        case=", ".join(case_ids),
        expected="a finite loss",
        got=loss,
        remedy="Check these cases; otherwise lower the learning rate "
        "(--set learning_rate=...) or switch off mixed precision "
        "(--set mixed_precision=false).",
    )


def predict_cases(
    network: Classifier,
    reader: CaseReader,
    case_ids: Sequence[str],
    process_group: ProcessGroup,
    mirror_axes: Sequence[int] = (),
    batch_size: int = 1,
) -> torch.Tensor:
    """Probabilities (cases, classes) in float64, always of float32 arithmetic.

    Prediction computes in float32, and out-of-fold metrics are to match it: so there is no mixed
    precision here, though training may use it.

    Args:
        network: The averaged weights, on the device of the process group.
        reader: Reader of preprocessed cases.
        case_ids: Case ids in the order of the predictions.
        process_group: Its processes share the cases; each gets all the answers.
        mirror_axes: Axes (0 z, 1 y, 2 x) that may be flipped.
        batch_size: Cases at a time on an accelerator. A CPU takes one at a time as prediction
            does, so that the answers are those of prediction bit for bit.

    Raises:
        TrainingError: Outputs are not finite; the text names the cases.
    """

    def compute(batch: torch.Tensor) -> torch.Tensor:
        return probabilities(network, batch, mirror_axes)

    n_classes = network.head.out_features
    return _computed(network, compute, n_classes, reader, case_ids, process_group, batch_size)


def features_of_cases(
    network: Classifier,
    reader: CaseReader,
    case_ids: Sequence[str],
    process_group: ProcessGroup,
    batch_size: int = 1,
) -> torch.Tensor:
    """Pooled features (cases, features) in float64; the arguments are those of `predict_cases`."""

    def compute(batch: torch.Tensor) -> torch.Tensor:
        return pooled_features(network, batch)

    width = network.head.in_features
    return _computed(network, compute, width, reader, case_ids, process_group, batch_size)


def _computed(
    network: Classifier,
    compute: Callable[[torch.Tensor], torch.Tensor],
    width: int,
    reader: CaseReader,
    case_ids: Sequence[str],
    process_group: ProcessGroup,
    batch_size: int,
) -> torch.Tensor:
    """Outputs (cases, width); the process group shares the work."""
    network.eval()
    device = next(network.parameters()).device
    indices = range(process_group.rank, len(case_ids), process_group.size)
    size = 1 if device.type == "cpu" else batch_size
    parts = [indices[start : start + size] for start in range(0, len(indices), size)]
    with process_group.agreed():
        answers = [
            compute(images.result().to(device))
            for _, images in one_ahead(lambda part: _stacked(reader, case_ids, part), parts)
        ]
    outputs = torch.zeros((len(case_ids), width), dtype=torch.float64)
    if answers:
        outputs[list(indices)] = torch.cat(answers).double()
    outputs = process_group.sum(outputs)
    sound = outputs.isfinite().all(dim=1).tolist()
    wild = [case for case, is_sound in zip(case_ids, sound, strict=True) if not is_sound]
    if wild:
        raise TrainingError(
            "The outputs of the averaged weights are not finite.",
            case=", ".join(wild[:_SHOWN]) + (" and others" if len(wild) > _SHOWN else ""),
            expected="finite outputs",
            got=f"infinite or undefined outputs for {len(wild)} of {len(case_ids)} cases",
            remedy="Check these cases. If all cases are affected, the training has diverged: lower "
            "the learning rate (--set learning_rate=...).",
        )
    return outputs


def _stacked(reader: CaseReader, case_ids: Sequence[str], part: Sequence[int]) -> torch.Tensor:
    if len(part) == 1:
        return torch.from_numpy(reader(case_ids[part[0]]))[None]
    return torch.stack([torch.from_numpy(reader(case_ids[index])) for index in part])
