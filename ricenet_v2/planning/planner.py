"""Planning: from a fingerprint to a plan."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Protocol

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Shape
from ricenet_v2.planning import reasons, schedule
from ricenet_v2.planning.channels import plan_channel
from ricenet_v2.planning.input_size import margin_of
from ricenet_v2.planning.ladder import (
    Candidate,
    MemoryBudget,
    first_that_fits,
    with_checkpointing,
)
from ricenet_v2.planning.levels import plan_levels
from ricenet_v2.planning.missing import with_flags, with_missing_channels
from ricenet_v2.planning.overrides import Overrides
from ricenet_v2.planning.presets import PRESETS, remedy
from ricenet_v2.planning.reasons import PlanningResult
from ricenet_v2.planning.region import RegionChoice
from ricenet_v2.planning.spacing import target_spacing, thin_axis
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import CaseMeasurement, Fingerprint, distinct
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import (
    ChannelPlan,
    MemoryEstimate,
    NetworkPlan,
    Precision,
    Triple,
)
from ricenet_v2.records.plugins import with_plugins
from ricenet_v2.records.splits import Splits


class Cost(Protocol):
    """Bytes of a training step."""

    def __call__(
        self,
        plan: NetworkPlan,
        n_channels: int,
        n_classes: int,
        input_size: Shape,
        batch: int,
        precision: Precision,
        *,
        checkpointing: bool = False,
    ) -> MemoryEstimate:
        """See `network.cost.estimate`."""


def make_plan(
    fingerprint: Fingerprint,
    dataset: Dataset,
    cost: Cost,
    *,
    preset: str = "auto",
    memory_gb: float = 8.0,
    precision: Precision = "float32",
    spacing: Triple | None = None,
    input_size: Shape | None = None,
    batch_size: int | None = None,
    epochs: int | None = None,
    splits: Splits | None = None,
    activation_checkpointing: bool = False,
    region: RegionChoice | None = None,
    allow_missing_channels: bool = False,
) -> Plan:
    """Decide everything for a dataset.

    Args:
        fingerprint: Measurements of the dataset.
        dataset: Channels and classes.
        cost: Bytes of a training step.
        preset: One of the names in `presets.PRESETS`.
        memory_gb: Budget of one training step, GiB.
        precision: Precision in which a step must fit; all but `float32` are mixed precision.
        spacing: mm along (z, y, x), instead of the rule.
        input_size: Voxels along (z, y, x), instead of the rule.
        batch_size: Batch size instead of that of the rule.
        epochs: Epochs instead of those of the rule.
        splits: The folds, which decide how many cases an epoch draws; five where None.
        activation_checkpointing: Try each layout that does not fit once more with activation
            checkpointing, before a coarser one.
        region: Region in which the fingerprint was measured; None for the brain mask of each case
            that has one, else the non-zero voxels.
        allow_missing_channels: Whether cases may lack channels.

    Raises:
        PlanError: Unknown preset, unusable values, a fingerprint of other channels, sizes that
            do not divide, or nothing fits the memory.
        PluginError: A package that brings something of the plan fails.
    """
    overrides = Overrides(spacing, input_size, batch_size, epochs)
    if preset not in PRESETS.names:
        raise PlanError("There is no such preset.", expected=" or ".join(PRESETS.names), got=preset)
    rules = PRESETS[preset]
    overrides.check(memory_gb)
    _check_fingerprint(fingerprint, dataset)
    cases = distinct(fingerprint.cases)
    n_channels, n_classes = len(dataset.channels), len(dataset.classes)
    with PRESETS.blamed(preset, "cannot plan"):
        schemes = [rules.schemes(channel) for channel in fingerprint.channels]
    channels = list(map(plan_channel, fingerprint.channels, schemes))
    levels, why_levels = plan_levels(fingerprint.channels, [plan for plan, _ in channels])

    def measure(candidate: Candidate) -> MemoryEstimate:
        return cost(
            candidate.network,
            n_channels,
            n_classes,
            candidate.input_size,
            candidate.batch,
            precision,
            checkpointing=candidate.checkpointing,
        )

    with PRESETS.blamed(preset, "cannot plan"):
        rungs = rules.ladder(cases, overrides, levels)
        candidates = tuple(with_checkpointing(rungs) if activation_checkpointing else rungs)
    for candidate in candidates or (None,):
        PRESETS.checked(preset, candidate, Candidate)
    if allow_missing_channels:
        candidates = tuple(map(with_flags, candidates))
    ladder = first_that_fits(
        candidates,
        MemoryBudget(memory_gb, n_channels, precision, measure),
        remedy(preset, overrides),
    )
    choice = PlanningResult(
        preset, rules, overrides, ladder, target_spacing(cases)[1], len(cases), memory_gb
    )
    why = tuple(decision for _, decision in channels)
    if ladder.chosen.network.levels:
        why += why_levels
    plans = tuple(plan for plan, _ in channels)
    plan = _plan(fingerprint, dataset, choice, plans, why, splits, region)
    with PRESETS.blamed(preset, "cannot plan"):
        plan = PRESETS.checked(preset, rules.adapt(plan, fingerprint), Plan)
    if allow_missing_channels:
        plan = with_missing_channels(plan, fingerprint)
    return with_plugins(plan, dataset.file_ending)


def _plan(
    fingerprint: Fingerprint,
    dataset: Dataset,
    choice: PlanningResult,
    channels: tuple[ChannelPlan, ...],
    why_channels: tuple[Decision, ...],
    splits: Splits | None,
    region: RegionChoice | None,
) -> Plan:
    """The chosen layout and all that follows from it."""
    chosen, epochs = choice.chosen, choice.overrides.epochs
    with PRESETS.blamed(choice.preset, "cannot plan"):
        training, why_training = choice.rules.training(
            chosen.batch,
            choice.n_train,
            chosen.input_size,
            chosen.spacing,
            schedule.N_FOLDS if splits is None else _n_parts(splits, choice.n_train),
        )
    augmentation = dataclasses.replace(
        training.augmentation, in_plane_axis=thin_axis(chosen.spacing, chosen.input_size)
    )
    has_images = any(
        (KINDS[channel.kind].is_anatomy or KINDS[channel.kind].is_dose)
        for channel in dataset.channels
    )
    return Plan(
        name=choice.preset,
        preset=choice.preset,
        dataset=dataset.name,
        fingerprint=documents.fingerprint_of(fingerprint),
        classes=dataset.classes,
        channels=channels,
        spacing=chosen.spacing,
        input_size=chosen.input_size,
        margin=margin_of(chosen.input_size, chosen.region),
        storage_dtype="float32",
        network=chosen.network,
        training=dataclasses.replace(
            training,
            epochs=epochs or training.epochs,
            activation_checkpointing=chosen.checkpointing,
            augmentation=augmentation,
        ),
        memory=choice.ladder.memory,
        memory_budget_gb=choice.memory_gb,
        spacing_range=_spacing_range(fingerprint.cases),
        dose_range=_dose_range(fingerprint),
        regions=tuple(sorted({case.region for case in fingerprint.cases if case.region})),
        decisions=(
            *reasons.folds(splits),
            reasons.region(dataset, region, fingerprint.cases),
            *reasons.layout(choice),
            why_training,
            *reasons.epochs(choice.overrides),
            *reasons.checkpointing(choice),
            *schedule.why_augmentation(training, has_images=has_images),
            reasons.rotation(choice),
            *why_channels,
            reasons.memory(choice),
        ),
        alternatives=choice.ladder.listed(),
        region=None if region is None else region.region,
    )


def _n_parts(splits: Splits, n_train: int) -> int:
    """Equal parts of the cases of which each training lacks one; more than cases if it lacks none.

    Args:
        splits: The folds.
        n_train: Distinct training cases.
    """
    if not splits.folds:
        return n_train + 1
    if not splits.holdout:
        return splits.n_folds
    fold = splits.folds[0]
    return max(1, round((len(fold.train) + len(fold.validation)) / len(fold.validation)))


def _check_fingerprint(fingerprint: Fingerprint, dataset: Dataset) -> None:
    measured = [channel.name for channel in fingerprint.channels]
    named = [channel.name for channel in dataset.channels]
    if measured != named or not fingerprint.cases:
        raise PlanError(
            "The fingerprint does not belong to the dataset.",
            expected=f"measurements of at least one case and the channels {named}",
            got=f"{len(fingerprint.cases)} cases and the channels {measured}",
            remedy="Run ricenet_plan_and_preprocess again with --overwrite.",
        )


def _spacing_range(cases: Sequence[CaseMeasurement]) -> tuple[Triple, Triple]:
    spacings = np.array([case.spacing for case in cases])
    low, high = spacings.min(axis=0).tolist(), spacings.max(axis=0).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _dose_range(fingerprint: Fingerprint) -> dict[str, tuple[float, float]]:
    return {
        channel.name: (channel.maximum.minimum, channel.maximum.maximum)
        for channel in fingerprint.channels
        if KINDS[channel.kind].is_dose
    }
