"""From a fingerprint to a plan."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable, Sequence

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning import batch as batches
from ricenet_v2.planning import presets, schedule
from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.planning.presets import GIGABYTE, Budget, Layout, Wishes
from ricenet_v2.planning.spacing import is_anisotropic
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint
from ricenet_v2.records.plan import (
    Decision,
    MemoryEstimate,
    NetworkPlan,
    Plan,
    Shape,
    TrainingPlan,
    Triple,
)

__all__ = ["GIGABYTE", "PRESETS", "Cost", "make_plan"]

Cost = Callable[[NetworkPlan, int, int, Shape, int], MemoryEstimate]
PRESETS = ("auto", "paper")
_LAYOUTS = {"auto": presets.auto, "paper": presets.paper}
_TRAINING = {"auto": schedule.auto_training, "paper": schedule.paper_training}


def make_plan(
    fingerprint: Fingerprint,
    dataset: Dataset,
    cost: Cost,
    *,
    preset: str = "auto",
    memory_gb: float = 8.0,
    spacing: Triple | None = None,
    input_size: Shape | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
) -> Plan:
    """Decide everything for a dataset.

    Args:
        fingerprint: What was measured.
        dataset: Channels and classes.
        cost: Bytes of a training step from network, channels, classes, input size and batch.
        preset: `auto` or `paper`.
        memory_gb: Budget of one training step, GiB.
        spacing: mm along (z, y, x), instead of the rule.
        input_size: Voxels along (z, y, x), instead of the rule.
        batch_size: Instead of the rule.
        epochs: Instead of the rule.

    Raises:
        PlanError: Unknown preset, unusable values, a fingerprint of other channels, sizes that
            do not divide, or nothing fits the memory.
    """
    wishes = Wishes(spacing, input_size, batch_size, epochs)
    _check(fingerprint, dataset, preset, memory_gb, wishes)
    n_channels, n_classes = len(dataset.channels), len(dataset.classes)

    def memory_of(layout: Layout, batch: int) -> MemoryEstimate:
        network = _with_norm(layout.network, batch, preset)
        return cost(network, n_channels, n_classes, layout.input_size, batch)

    budget = Budget(
        limit_gb=memory_gb,
        smallest_batch=batch_size or batches.SMALLEST_BATCH,
        need=lambda layout, batch: memory_of(layout, batch).total,
    )
    layout = _LAYOUTS[preset](fingerprint.cases, wishes, budget)
    batch, why_batch = _batch(layout, budget, wishes, fingerprint.n_cases)
    training, why_training = _TRAINING[preset](
        batch, fingerprint.n_cases, layout.input_size, layout.spacing
    )
    channels = [plan_channel(channel) for channel in fingerprint.channels]
    network = _with_norm(layout.network, batch, preset)
    memory = memory_of(layout, batch)
    return Plan(
        name=preset,
        preset=preset,
        dataset=dataset.name,
        fingerprint=documents.fingerprint_of(fingerprint),
        classes=dataset.classes,
        channels=tuple(channel for channel, _ in channels),
        spacing=layout.spacing,
        input_size=layout.input_size,
        margin=layout.margin,
        storage_dtype="float32",
        network=network,
        training=dataclasses.replace(training, epochs=epochs or training.epochs),
        memory=memory,
        memory_budget_gb=memory_gb,
        spacing_range=_spacing_range(fingerprint.cases),
        dose_range=_dose_range(fingerprint),
        decisions=(
            _why_region(dataset),
            *layout.decisions,
            why_batch,
            _why_norm(network, batch, preset),
            why_training,
            *_why_epochs(wishes),
            *_why_augmentation(training, dataset, layout.spacing),
            *(decision for _, decision in channels),
            _why_memory(memory, memory_gb, batch),
        ),
    )


def _check(
    fingerprint: Fingerprint, dataset: Dataset, preset: str, memory_gb: float, wishes: Wishes
) -> None:
    if preset not in PRESETS:
        raise PlanError("There is no such preset.", expected=" or ".join(PRESETS), got=preset)
    numbers = {
        "--gpu_memory_gb": (memory_gb,),
        "--spacing": wishes.spacing or (),
        "--input_size": wishes.input_size or (),
        "--batch_size": () if wishes.batch_size is None else (wishes.batch_size,),
        "--epochs": () if wishes.epochs is None else (wishes.epochs,),
    }
    for name, values in numbers.items():
        if not all(math.isfinite(value) and value > 0 for value in values):
            raise PlanError(f"{name} is not usable.", expected="numbers above 0", got=values)
    measured = [channel.name for channel in fingerprint.channels]
    named = [channel.name for channel in dataset.channels]
    if measured != named or not fingerprint.cases:
        raise PlanError(
            "The fingerprint does not belong to the dataset.",
            expected=f"measurements of at least one case and the channels {named}",
            got=f"{len(fingerprint.cases)} cases and the channels {measured}",
            remedy="Run ricenet_plan_and_preprocess again with --overwrite.",
        )


def _batch(layout: Layout, budget: Budget, wishes: Wishes, n_train: int) -> tuple[int, Decision]:
    if wishes.batch_size is not None:
        why = Decision("batch size", str(wishes.batch_size), "given by the user")
        return wishes.batch_size, why
    return batches.choose_batch(lambda batch: budget.fits(layout, batch), n_train)


def _with_norm(network: NetworkPlan, batch: int, preset: str) -> NetworkPlan:
    norm = network.norm if preset == "paper" else batches.norm_for(batch)
    return dataclasses.replace(network, norm=norm)


def _why_norm(network: NetworkPlan, batch: int, preset: str) -> Decision:
    if preset == "paper":
        return Decision(what="norm", value=network.norm, reason="as published")
    return batches.why_norm(network.norm, batch)


def _why_epochs(wishes: Wishes) -> tuple[Decision, ...]:
    if wishes.epochs is None:
        return ()
    return (Decision(what="epochs", value=str(wishes.epochs), reason="given by the user"),)


def _why_region(dataset: Dataset) -> Decision:
    images = [channel.name for channel in dataset.channels if channel.kind in ("mri", "ct", "pet")]
    without = f"non-zero voxels of {', '.join(images)}" if images else "the channels that are there"
    reason = "dose is non-zero outside the head, so it never decides"
    return Decision(what="region", value=f"brain mask; without one, {without}", reason=reason)


def _why_augmentation(
    training: TrainingPlan, dataset: Dataset, spacing: Triple
) -> tuple[Decision, ...]:
    has_images = any(channel.kind not in ("mask", "other") for channel in dataset.channels)
    if is_anisotropic(spacing):
        value = "in plane only"
        reason = "one axis is over 3 times as coarse: rotating out of plane would smear it"
    else:
        value, reason = "about all axes", "no axis is over 3 times as coarse as the others"
    why_rotation = Decision(what="rotation", value=value, reason=reason)
    return (*schedule.why_augmentation(training, has_images=has_images), why_rotation)


def _why_memory(memory: MemoryEstimate, memory_gb: float, batch: int) -> Decision:
    activations = f"{memory.activations / GIGABYTE:.3g} GB"
    reason = (
        f"counted on the network itself for a batch of {batch}: {activations} activations, "
        f"{memory.n_parameters:,} parameters; the budget is {memory_gb:g} GB"
    )
    return Decision(what="memory", value=f"{memory.total / GIGABYTE:.3g} GB", reason=reason)


def _spacing_range(cases: Sequence[CaseMeasurement]) -> tuple[Triple, Triple]:
    spacings = np.array([case.spacing for case in cases])
    low, high = spacings.min(axis=0).tolist(), spacings.max(axis=0).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _dose_range(fingerprint: Fingerprint) -> dict[str, tuple[float, float]]:
    return {
        channel.name: (channel.maximum.minimum, channel.maximum.maximum)
        for channel in fingerprint.channels
        if channel.kind == "dose"
    }
