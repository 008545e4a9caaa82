"""The ladder of each preset: which spacings, sizes, networks and batches it tries, in order."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Shape
from ricenet_v2.planning import networks
from ricenet_v2.planning.batch import SMALLEST_BATCH, batches, norm_for
from ricenet_v2.planning.input_size import region_extent, region_size, rounded_up, with_margin
from ricenet_v2.planning.ladder import Candidate
from ricenet_v2.planning.overrides import Overrides
from ricenet_v2.planning.spacing import coarsened, exceeds, target_spacing
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.plan_parts import Levels, NetworkPlan, Triple

# Below this side of the region nothing is left to be seen: the search ends.
SEARCHED_DOWN_TO = 16
# Up to this factor of the target spacing depth and width are spared and the resolution pays.
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


SEARCHED = {
    "auto": Rules(_auto, networks.variants, by_batch=True),
    "small": Rules(_small, lambda network: networks.variants(network)[:2], by_batch=True),
    "resenc_l": Rules(_resenc_l, _only, by_batch=False),
}


def ladder(
    preset: str, cases: Sequence[CaseMeasurement], overrides: Overrides, levels: Levels = ()
) -> Iterator[Candidate]:
    """The layouts of a preset, best first.

    Args:
        preset: One of `PRESETS`.
        cases: Distinct training cases.
        overrides: Decisions of the user.
        levels: Levels of each channel, for the presets that do not keep to a publication.

    Raises:
        PlanError: The strides do not divide a given input size.
    """
    tried = batches(len(cases)) if overrides.batch_size is None else (overrides.batch_size,)
    if preset == "paper":
        return _paper(cases, overrides, tried)
    return _searched(SEARCHED[preset], cases, overrides, tried, levels)


def _searched(
    rules: Rules,
    cases: Sequence[CaseMeasurement],
    overrides: Overrides,
    tried: Sequence[int],
    levels: Levels,
) -> Iterator[Candidate]:
    """Candidates at the target spacing: every batch, smaller networks; then coarser spacings."""
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


def _paper(
    cases: Sequence[CaseMeasurement], overrides: Overrides, tried: Sequence[int]
) -> Iterator[Candidate]:
    """RICE-NET as published; only the batch, which is not reported, is searched."""
    spacing, size = overrides.spacing or PAPER_SPACING, overrides.input_size or PAPER_SIZE
    rounded_up(size, (networks.PAPER_STRIDE,) * 3, size)
    _refuse_single_voxel(size, networks.PAPER_STRIDE)
    region = region_size(region_extent(cases), spacing)
    network = networks.paper_resnet18()
    for batch in tried:
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


def remedy(preset: str, overrides: Overrides) -> str:
    """Advice when nothing fits the memory."""
    if preset != "auto":
        return "Raise --gpu_memory_gb, or use --preset auto."
    if overrides.fix_the_input:
        return "Raise --gpu_memory_gb, or leave --spacing and --input_size to the planner."
    if (overrides.batch_size or SMALLEST_BATCH) > SMALLEST_BATCH:
        return "Raise --gpu_memory_gb, or leave --batch_size to the planner."
    return "Raise --gpu_memory_gb, or use fewer channels."
