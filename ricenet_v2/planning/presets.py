"""The ladder of each preset: which spacings, sizes, networks and batches it tries, in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.plugins import Door
from ricenet_v2.core.types import Shape
from ricenet_v2.planning import networks
from ricenet_v2.planning.batch import SMALLEST_BATCH, batches, norm_for
from ricenet_v2.planning.input_size import region_extent, region_size, rounded_up, with_margin
from ricenet_v2.planning.ladder import Candidate
from ricenet_v2.planning.overrides import Overrides
from ricenet_v2.planning.schedule import auto_training, paper_training
from ricenet_v2.planning.spacing import coarsened, exceeds, target_spacing
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import CaseMeasurement, ChannelFingerprint, Fingerprint
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Levels, NetworkPlan, TrainingPlan, Triple

# Below this side of the region nothing could be recognised: the search ends.
SEARCHED_DOWN_TO = 16
# Up to this factor of the target spacing, the resolution is reduced and depth and width are not.
WHOLE_NETWORK_UP_TO = 1.5
PAPER_SPACING, PAPER_SIZE = (1.0, 1.0, 1.0), (224, 224, 224)

_Fitted = tuple[Shape, NetworkPlan]


@dataclass(frozen=True)
class Rules:
    """Rules of a preset that searches.

    Attributes:
        fit: Input size and network from the region (voxels), the spacing and a given size.
        variants: The network and smaller ones.
        by_batch: Whether the norm follows the batch.
    """

    fit: Callable[[Shape, Triple, Shape | None], _Fitted]
    variants: Callable[[NetworkPlan], tuple[networks.Variant, ...]]
    by_batch: bool


def _auto(region: Shape, spacing: Triple, given: Shape | None) -> _Fitted:
    wanted = with_margin(region)
    stages = topology(given or wanted, spacing)
    size = rounded_up(wanted, stages.total_stride, given)
    return size, networks.residual_encoder(stages)


def _small(region: Shape, spacing: Triple, given: Shape | None) -> _Fitted:
    wanted = with_margin(region)
    stages = topology(given or wanted, spacing, networks.SMALL_STAGES)
    size = rounded_up(wanted, stages.total_stride, given)
    return size, networks.small_residual_encoder(stages)


def _resenc_l(region: Shape, _spacing: Triple, given: Shape | None) -> _Fitted:
    stride = networks.RESENC_L_STRIDE
    z, y, x = with_margin(region)
    # Norm layers cannot train on a single voxel: two of them are left along the longest axis.
    longest = max(z, y, x)
    wanted = tuple(stride + 1 if n == longest and n <= stride else n for n in (z, y, x))
    size = rounded_up((wanted[0], wanted[1], wanted[2]), (stride,) * 3, given)
    _refuse_single_voxel(size, stride)
    return size, networks.resenc_l()


def _only(network: NetworkPlan) -> tuple[networks.Variant, ...]:
    return ((networks.FULL, network),)


def searched(
    rules: Rules, cases: Sequence[CaseMeasurement], overrides: Overrides, levels: Levels
) -> Iterator[Candidate]:
    """Layouts at the target spacing: every batch, smaller networks; then coarser spacings.

    Args:
        rules: Rules by which the network follows the region and the spacing.
        cases: Distinct training cases.
        overrides: Decisions of the user.
        levels: Levels of each channel.

    Raises:
        PlanError: The strides do not divide a given input size.
    """
    tried = _batches(cases, overrides)
    target = overrides.spacing or target_spacing(cases)[0]
    for number, (spacing, region, fitted) in enumerate(
        _ever_smaller(rules, cases, target, overrides)
    ):
        size, network = fitted
        is_coarse = exceeds(min(spacing), WHOLE_NETWORK_UP_TO * min(target))
        kinds = rules.variants(network)
        for rank, (name, variant) in enumerate(
            kinds if is_coarse or overrides.fix_the_input else kinds[:2]
        ):
            for batch in tried if number == rank == 0 else tried[-1:]:
                norm = norm_for(batch) if rules.by_batch else variant.norm
                adapted = dataclasses.replace(variant, norm=norm, levels=levels)
                yield Candidate(spacing, region, size, name, adapted, batch)


def _ever_smaller(
    rules: Rules, cases: Sequence[CaseMeasurement], target: Triple, overrides: Overrides
) -> Iterator[tuple[Triple, Shape, _Fitted]]:
    """Spacing, region and what fits it, from the target spacing on ever coarser.

    Several spacings round up to one size, which is tried once; one that is larger than another
    before it along any axis, since its strides differ, is not tried at all.
    """
    extent, spacing = region_extent(cases), target
    region = region_size(extent, spacing)
    fitted = rules.fit(region, spacing, overrides.input_size)
    smallest = fitted[0]
    yield spacing, region, fitted
    while not overrides.fix_the_input and max(region) > SEARCHED_DOWN_TO:
        spacing = coarsened(spacing)
        region = region_size(extent, spacing)
        fitted = rules.fit(region, spacing, None)
        if fitted[0] != smallest and all(a <= b for a, b in zip(fitted[0], smallest, strict=True)):
            smallest = fitted[0]
            yield spacing, region, fitted


def _batches(cases: Sequence[CaseMeasurement], overrides: Overrides) -> Sequence[int]:
    return batches(len(cases)) if overrides.batch_size is None else (overrides.batch_size,)


def _paper(
    cases: Sequence[CaseMeasurement], overrides: Overrides, _levels: Levels
) -> Iterator[Candidate]:
    """RICE-NET as published; only the batch, which is not reported, is searched."""
    spacing, size = overrides.spacing or PAPER_SPACING, overrides.input_size or PAPER_SIZE
    rounded_up(size, (networks.PAPER_STRIDE,) * 3, size)
    _refuse_single_voxel(size, networks.PAPER_STRIDE)
    region = region_size(region_extent(cases), spacing)
    network = networks.paper_resnet18()
    for batch in _batches(cases, overrides):
        yield Candidate(spacing, region, size, networks.FULL, network, batch)


def _refuse_single_voxel(size: Shape, stride: int) -> None:
    if max(size) <= stride:
        raise PlanError(
            "The strides of the network leave a single voxel of this input size.",
            expected=f"multiples of {stride}, one of them twice that or more",
            got=size,
            remedy=f"Give {2 * stride} or more along one axis of --input_size, or use --preset "
            "auto.",
        )


@dataclass(frozen=True)
class Preset:
    """A set of planning rules.

    Attributes:
        ladder: Function from distinct training cases, decisions of the user and levels of each
            channel to the candidate layouts, best first; the first that fits the memory is taken.
        training: Function from batch, training cases, input size, spacing and number of folds to
            the settings of training and the reason for them; see `auto_training`.
        words: Reasons in words in place of the usual ones, by the name of the decision: `spacing`,
            `input size`, `network`, `norm`. Those of spacing and input size are left out where the
            user gave them.
        network: Value of the decision on the network, in words; the usual one where empty.
        schemes: Function from the measurements of a channel to the name of its normalisation, or
            None for that of its kind.
        adapt: Last changes of the plan, from the plan and the fingerprint, such as augmentations
            that another package brings. What decides the memory is not changed here: network,
            channels, input size and batch size.
    """

    ladder: Callable[[Sequence[CaseMeasurement], Overrides, Levels], Iterator[Candidate]]
    training: Callable[[int, int, Shape, Triple, int], tuple[TrainingPlan, Decision]] = (
        auto_training
    )
    words: Mapping[str, str] = field(default_factory=dict)
    network: str = ""
    schemes: Callable[[ChannelFingerprint], str | None] = lambda _channel: None
    adapt: Callable[[Plan, Fingerprint], Plan] = lambda plan, _fingerprint: plan


_AUTO = Rules(_auto, networks.variants, by_batch=True)
_SMALL = Rules(_small, lambda network: networks.variants(network)[:2], by_batch=True)
_RESENC_L = Rules(_resenc_l, _only, by_batch=False)
_L = networks.resenc_l()

PRESETS: Door[Preset] = Door(
    "presets",
    "preset",
    Preset,
    {
        "auto": Preset(partial(searched, _AUTO)),
        "paper": Preset(
            _paper,
            paper_training,
            words={
                "spacing": "the paper resamples isotropically but reports no spacing; 1 mm is "
                "assumed",
                "input size": "as published",
                "network": "as published; the stem's stride is not reported, and MONAI's default "
                "of 1 costs 8 times as much",
                "norm": "as published",
            },
            network="3D ResNet-18, stem of stride 2",
        ),
        "resenc_l": Preset(
            partial(searched, _RESENC_L),
            words={
                "network": "the encoder of nnU-Net's ResEnc-L with nothing changed, so that "
                "weights pretrained for it fit; its strides divide by "
                f"{networks.RESENC_L_STRIDE}",
                "norm": "as in the pretrained encoder, whatever the batch",
            },
            network=f"ResEnc-L, {len(_L.strides)} stages, features {_L.features[0]} to "
            f"{_L.features[-1]}, blocks {_L.blocks}",
        ),
        "small": Preset(partial(searched, _SMALL)),
    },
)


def remedy(preset: str, overrides: Overrides) -> str:
    """Advice when nothing fits the memory."""
    if preset != "auto":
        return "Raise --gpu_memory_gb, or use --preset auto."
    if overrides.fix_the_input:
        return "Raise --gpu_memory_gb, or leave --spacing and --input_size to the planner."
    if (overrides.batch_size or SMALLEST_BATCH) > SMALLEST_BATCH:
        return "Raise --gpu_memory_gb, or leave --batch_size to the planner."
    return "Raise --gpu_memory_gb, or use fewer channels."
