"""The loop, as plain functions."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.inference.member import probabilities
from ricenet_v2.records.plan import TrainingPlan
from ricenet_v2.training.loader import Batch, TrainingBatches
from ricenet_v2.training.parts import Ema, StopWish
from ricenet_v2.training.reader import CaseReader


class Stopped(Exception):  # noqa: N818 - a wish, not an error
    """Training was asked to end; the last finished epoch is saved."""


@dataclass(frozen=True)
class EpochResult:
    """Mean loss, seconds in all, seconds spent waiting for data."""

    loss: float
    seconds: float
    waiting: float


def learning_rate(plan: TrainingPlan, update: int) -> float:
    """Linear warm-up, then half a cosine to 0.

    Args:
        plan: Peak, warm-up and number of epochs; the warm-up takes at most a fifth of a short run.
        update: Number of the update, from 0.
    """
    total = plan.epochs * plan.iterations_per_epoch
    warmup = min(plan.warmup_epochs * plan.iterations_per_epoch, total // 5)
    if update < warmup:
        return plan.learning_rate * (update + 1) / warmup
    done = (update - warmup) / max(1, total - warmup)
    return plan.learning_rate * 0.5 * (1 + math.cos(math.pi * min(1.0, done)))


def make_optimiser(network: nn.Module, plan: TrainingPlan) -> torch.optim.Optimizer:
    """AdamW or Adam; biases and norms are not decayed."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    free = [p for p in network.parameters() if p.ndim <= 1]
    groups = [
        {"params": decayed, "weight_decay": plan.weight_decay},
        {"params": free, "weight_decay": 0.0},
    ]
    kind = torch.optim.AdamW if plan.optimiser == "adamw" else torch.optim.Adam
    return kind(groups, lr=plan.learning_rate)


def train_epoch(
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    ema: Ema,
    batches: TrainingBatches,
    plan: TrainingPlan,
    epoch: int,
    stop: StopWish,
) -> EpochResult:
    """One epoch of updates; gradients of `accumulation_steps` batches make one update.

    Raises:
        TrainingError: The loss is not finite; the text names the cases.
        Stopped: Somebody asked for an end.
    """
    network.train()
    device = next(network.parameters()).device
    started, waiting, losses = time.perf_counter(), 0.0, []
    for step in range(plan.iterations_per_epoch):
        if stop.asked:
            raise Stopped
        for group in optimiser.param_groups:
            group["lr"] = learning_rate(plan, epoch * plan.iterations_per_epoch + step)
        optimiser.zero_grad(set_to_none=True)
        for _ in range(plan.accumulation_steps):
            before = time.perf_counter()
            batch = next(batches)
            waiting += time.perf_counter() - before
            losses.append(_backward(network, batch, plan, device))
        nn.utils.clip_grad_norm_(network.parameters(), plan.gradient_clip)
        optimiser.step()
        ema.update(network)
    return EpochResult(float(np.mean(losses)), time.perf_counter() - started, waiting)


def _backward(network: nn.Module, batch: Batch, plan: TrainingPlan, device: torch.device) -> float:
    images = batch.images.to(device, non_blocking=True)
    targets = batch.targets.to(device, non_blocking=True)
    mixed = plan.mixed_precision and device.type == "cuda"
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=mixed):
        logits = network(images)
    loss = functional.cross_entropy(logits.float(), targets, label_smoothing=plan.label_smoothing)
    value = float(loss.detach())
    if not math.isfinite(value):
        raise TrainingError(
            "The loss is not finite.",
            case=", ".join(batch.case_ids),
            expected="a finite loss",
            got=value,
            remedy="Look at these cases; else lower the learning rate "
            "(--set learning_rate=...) or switch off mixed precision "
            "(--set mixed_precision=false).",
        )
    (loss / plan.accumulation_steps).backward()  # type: ignore[no-untyped-call]
    return value


def predict_cases(
    network: nn.Module, reader: CaseReader, case_ids: Sequence[str], mirror_axes: Sequence[int] = ()
) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    """Probabilities (cases, classes), one case at a time as in prediction."""
    network.eval()
    device = next(network.parameters()).device
    rows = [
        probabilities(network, torch.from_numpy(reader(case))[None].to(device), mirror_axes)[0]
        for case in case_ids
    ]
    return torch.stack(rows).double().numpy()
