"""Every decision of a plan in words, with the numbers that decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.core.machine import GIB
from ricenet_v2.planning import networks
from ricenet_v2.planning.batch import (
    BATCH_NORM_FROM,
    CASES_PER_SAMPLE,
    LARGEST_BATCH,
    SMALLEST_BATCH,
    largest_batch,
)
from ricenet_v2.planning.input_size import MARGIN_SHARE
from ricenet_v2.planning.ladder import MOST_ELEMENTS, Candidate, LadderResult, is_about_maps
from ricenet_v2.planning.overrides import Overrides
from ricenet_v2.planning.presets import WHOLE_NETWORK_UP_TO, Preset
from ricenet_v2.planning.region import RegionChoice, decision_of
from ricenet_v2.planning.spacing import is_anisotropic, text_of, thin_axis
from ricenet_v2.records.architectures import label_of
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import MemoryEstimate
from ricenet_v2.records.splits import Splits

_GIVEN = "given by the user"


@dataclass(frozen=True)
class PlanningResult:
    """Choice of a plan, with the alternatives.

    Attributes:
        preset: Name of the rules.
        rules: The rules.
        overrides: Decisions of the user.
        ladder: Result of the search: the layout that fits, and those rejected.
        target: The spacing that the rule asks for, with its reason.
        n_train: Distinct training cases.
        memory_gb: The budget.
    """

    preset: str
    rules: Preset
    overrides: Overrides
    ladder: LadderResult
    target: Decision
    n_train: int
    memory_gb: float

    @property
    def words(self) -> Mapping[str, str]:
        """Reasons of the preset in place of the usual ones."""
        return self.rules.words

    @property
    def chosen(self) -> Candidate:
        """Candidate that fits."""
        return self.ladder.chosen


FOLDS = "folds"
"""Name of the decision on folds."""
_STRATIFIED = ", stratified by class"


def folds(splits: Splits | None) -> tuple[Decision, ...]:
    """Decision on the validation of the networks; none where no folds were made."""
    if splits is None:
        return ()
    if not splits.group:
        return (_stratified(splits),)
    sizes = ", ".join(
        f"{number} {fold.held_out} ({len(fold.validation)} cases)"
        for number, fold in enumerate(splits.folds)
    )
    value = f"{len(splits.folds)}, {splits.scheme}"
    reason = (
        f"requested with --group: each network is validated on a {splits.group} from which it "
        f"has no training case: {sizes}"
    )
    return (Decision(what=FOLDS, value=value, reason=reason),)


def _stratified(splits: Splits) -> Decision:
    """Decision on folds, or a single one, that are not of the groups of a column."""
    reason = "no patient is in two of them, and each has its share of every class"
    value = f"{splits.n_folds}{_STRATIFIED}"
    if not splits.folds:
        value = splits.scheme
        reason = "requested with --num_folds 1: ricenet_train DATASET full, without any metrics"
    elif splits.holdout:
        value = f"{splits.number_text}, {splits.scheme}"
        reason = (
            f"requested with --holdout: {len(splits.folds[0].validation)} cases are held out of a "
            "single training, and no patient is on both sides"
        )
    elif splits.repeats > 1:
        value = f"{splits.n_folds}, {splits.repeats} times{_STRATIFIED}"
        reason += (
            "; all cases are divided again in each repeat, so that metrics do not rest on one "
            "division"
        )
    return Decision(what=FOLDS, value=value, reason=reason)


def other_folds(plan: Plan, splits: Splits | None) -> list[str]:
    """Describe folds of another column of cases.csv that a plan was made for; else empty.

    Plans from before there was a decision on folds are for stratified ones, however many.
    """
    stood = next((decision.value for decision in plan.decisions if decision.what == FOLDS), "")
    wanted = folds(splits)[0].value if splits is not None else ""
    is_other = any(text and not text.endswith(_STRATIFIED) for text in (stood, wanted))
    if stood == wanted or not is_other:
        return []
    return [f"it was made for other folds ({stood or 'stratified by class'}, now: {wanted})"]


def region(
    dataset: Dataset, choice: RegionChoice | None, cases: Sequence[CaseMeasurement]
) -> Decision:
    """Decision on the region in which the patient is sought; None for one by each case's mask."""
    if choice is not None:
        return decision_of(choice, cases)
    images = [channel.name for channel in dataset.channels if KINDS[channel.kind].is_anatomy]
    without = f"non-zero voxels of {', '.join(images)}" if images else "the whole image"
    doses = [channel.name for channel in dataset.channels if KINDS[channel.kind].is_dose]
    reason = "the network need not see the air around the patient"
    if doses:
        reason += f"; {', '.join(doses)} never decides, since a dose is not zero outside the head"
    return Decision(what="region", value=f"brain mask; without one, {without}", reason=reason)


def layout(choice: PlanningResult) -> tuple[Decision, ...]:
    """Spacing, input size, network, batch size and norm."""
    return (_spacing(choice), _input_size(choice), _network(choice), _batch(choice), _norm(choice))


def _spacing(choice: PlanningResult) -> Decision:
    value = text_of(choice.chosen.spacing)
    if choice.overrides.spacing is not None:
        return Decision(what="spacing", value=value, reason=_GIVEN)
    if reason := choice.words.get("spacing"):
        return Decision(what="spacing", value=value, reason=reason)
    reason = choice.target.reason
    if value != choice.target.value:
        first = choice.ladder.rejected[0]
        at_least = "at least " if "at least" in first.reason else ""
        size = " x ".join(str(n) for n in first.input_size)
        needs = f"need {at_least}{first.bytes / GIB:.3g} GiB of {choice.memory_gb:g} GiB"
        if is_about_maps(first):
            needs = f"are too many for a step, which {first.reason}"
        reason += (
            f": {choice.target.value}; there {size} voxels with a batch of {first.batch_size} "
            f"{needs}, so the finest axis was coarsened in steps of 5 % until a step fitted "
            f"({len(choice.ladder.rejected)} layouts did not)"
        )
    return Decision(what="spacing", value=value, reason=reason)


def _input_size(choice: PlanningResult) -> Decision:
    chosen = choice.chosen
    value = f"{chosen.input_size}"
    if choice.overrides.input_size is None:
        reason = choice.words.get("input size") or (
            f"95th percentile of the region, {chosen.region} voxels at this spacing, plus a margin "
            f"of {MARGIN_SHARE:.0%}, rounded up to what the strides divide, since a classifier "
            "must see the whole region at once"
        )
        return Decision(what="input size", value=value, reason=reason)
    reason = _GIVEN
    if any(n < r for n, r in zip(chosen.input_size, chosen.region, strict=True)):
        reason += f"; the 95th percentile of the region is {chosen.region}, so cases are cropped"
    return Decision(what="input size", value=value, reason=reason)


def _network(choice: PlanningResult) -> Decision:
    network = choice.chosen.network
    stages = len(network.strides)
    reason = (
        "axes are halved while they have 8 voxels left and a spacing within factor 2 of the "
        f"finest; features double from {network.features[0]} to {network.features[-1]}"
    )
    if max(network.strides[0]) > 1:
        reason += "; the first stage already halves, since a classifier needs no answer per voxel"
    if any(1 in kernel for kernel in network.kernel_sizes):
        reason += "; kernels are flat where an axis is over twice as coarse"
    label = label_of(network.architecture).removeprefix("3D ")
    value = choice.rules.network or f"{label}, {stages} stages, strides {network.strides}"
    if given := choice.words.get("network"):
        return Decision(what="network", value=value, reason=given)
    if choice.chosen.variant != networks.FULL:
        value += f", {choice.chosen.variant}"
        reason += f"; {_why_smaller(choice)}"
    return Decision(what="network", value=value, reason=reason)


def _why_smaller(choice: PlanningResult) -> str:
    network = choice.chosen.network
    parts = [f"its stem has {network.stem_features} features, not as many as the first stage"]
    if choice.chosen.variant in (networks.SHALLOWER, networks.NARROWER):
        parts.append("each stage has one block")
    if choice.chosen.variant == networks.NARROWER:
        parts.append("half the features")
    text = f"{', '.join(parts)}, since the full network did not fit {choice.memory_gb:g} GiB"
    if len(parts) > 1 and not choice.overrides.fix_the_input:
        text += (
            f" even at {WHOLE_NETWORK_UP_TO:g} times the target spacing; beyond that the network "
            f"is reduced before the resolution"
        )
    return text


def _batch(choice: PlanningResult) -> Decision:
    batch = choice.chosen.batch
    value = str(batch)
    if choice.overrides.batch_size is not None:
        return Decision(what="batch size", value=value, reason=_GIVEN)
    most = largest_batch(choice.n_train)
    reason = (
        f"a power of two, at least {SMALLEST_BATCH}, at most {LARGEST_BATCH} and an eighth of "
        f"{choice.n_train} distinct training cases ({choice.n_train // CASES_PER_SAMPLE})"
    )
    if batch < most:
        twice = [
            alternative
            for alternative in choice.ladder.rejected
            if alternative.batch_size == 2 * batch and alternative.network == networks.FULL
        ]
        needs = f", {2 * batch} {twice[-1].reason}" if twice else ""
        reason += f"; {most} would be allowed{needs}"
        if choice.ladder.rejected[-1].input_size != choice.chosen.input_size:
            reason += "; above 2 only where the spacing is that of the data"
    return Decision(what="batch size", value=value, reason=reason)


def _norm(choice: PlanningResult) -> Decision:
    network, batch = choice.chosen.network, choice.chosen.batch
    statistics = (
        f"a batch of {batch} per device; below {BATCH_NORM_FROM} the statistics of batch norm "
        "are too noisy"
    )
    most = largest_batch(choice.n_train)
    if choice.overrides.batch_size is None and batch < BATCH_NORM_FROM <= most:
        statistics += (
            f". The memory decides here: this dataset allows a batch of {most}, and "
            f"where {BATCH_NORM_FROM} or more fit --gpu_memory_gb the norm is batch norm. So plans "
            "for two budgets may differ in their norm; compare models of one plan only"
        )
    if network.levels:
        statistics += "; absolute values are kept with either norm, see the levels"
    return Decision(what="norm", value=network.norm, reason=choice.words.get("norm", statistics))


def epochs(overrides: Overrides) -> tuple[Decision, ...]:
    """Decision on the epochs, where the user gave the number."""
    if overrides.epochs is None:
        return ()
    return (Decision(what="epochs", value=str(overrides.epochs), reason=_GIVEN),)


def checkpointing(choice: PlanningResult) -> tuple[Decision, ...]:
    """Decision on activation checkpointing, where the layout fits by it alone."""
    if not choice.chosen.checkpointing:
        return ()
    without = choice.ladder.rejected[-1]
    reason = (
        f"requested where it saves the layout, which without it {without.reason}; maps inside a "
        "block are recomputed in the backward pass, which takes about a third more work"
    )
    return (Decision(what="activation checkpointing", value="on", reason=reason),)


def rotation(choice: PlanningResult) -> Decision:
    """Decision on the axes about which samples are rotated."""
    spacing = choice.chosen.spacing
    coarsest, second, _ = sorted(spacing, reverse=True)
    ratio = f"the coarsest axis has {coarsest / second:.3g} times the spacing of the next"
    if is_anisotropic(spacing):
        reason = f"{ratio}, over 3: rotating out of plane would smear it"
        return Decision(what="rotation", value="in plane only", reason=reason)
    size, axis = choice.chosen.input_size, thin_axis(spacing, choice.chosen.input_size)
    if axis is not None:
        reason = (
            f"axis {'zyx'[axis]} has {size[axis]} voxels, under a third of the {max(size)} of the "
            "longest: rotating out of plane would turn the patient out of the image, so samples "
            "are also scaled and displaced in plane only; mirroring keeps every voxel"
        )
        return Decision(what="rotation", value="in plane only", reason=reason)
    reason = f"{ratio}, not over 3, and no axis has under a third of the voxels of another"
    return Decision(what="rotation", value="about all axes", reason=reason)


def memory(choice: PlanningResult) -> Decision:
    """Decision on the memory of a step, part by part."""
    estimate: MemoryEstimate = choice.ladder.memory
    always = estimate.parameters + estimate.optimiser_state + estimate.ema + estimate.inputs
    exact = {
        "float32": "float32; mixed precision on CUDA needs less",
        "bfloat16": "mixed precision (bfloat16 on CUDA); without it a step needs up to twice that",
        "float16": "mixed precision (float16 on CUDA); without it a step needs up to twice that",
    }
    reason = (
        f"counted by running a step of {choice.chosen.batch} of this very network without data in "
        f"{exact[estimate.precision]}: {_gib(always)} throughout ({estimate.n_parameters:,} "
        "weights with the moments of the optimiser and room for their moving average, two "
        "batches), "
        f"{_gib(estimate.gradients)} gradients, {_gib(estimate.activations)} activations, "
        f"{_gib(estimate.workspace)} beyond them at the peak and for convolution algorithms; the "
        f"budget is {choice.memory_gb:g} GiB"
    )
    if any(map(is_about_maps, choice.ladder.rejected)):
        reason += (
            f". More memory would not help: the largest feature map has {estimate.largest_map:,} "
            f"elements, and layouts with more than {MOST_ELEMENTS:,} are left out, until a GPU has "
            "shown that convolutions and their gradients are right beyond"
        )
    return Decision(what="memory", value=_gib(estimate.total), reason=reason)


def _gib(n_bytes: int) -> str:
    return f"{n_bytes / GIB:.3g} GiB"
