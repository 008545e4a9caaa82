"""Spacing, input size and network of each preset."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning import topology
from ricenet_v2.planning.input_size import choose_input_size, margin_of, region_size, why_given
from ricenet_v2.planning.spacing import coarsened, target_spacing, text_of
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.plan import Decision, NetworkPlan, Shape, Triple

GIGABYTE = 1024**3
# Below this side nothing is left to be seen: the search ends.
SEARCHED_DOWN_TO = 16


@dataclass(frozen=True)
class Wishes:
    """What the user decides instead of the rules."""

    spacing: Triple | None = None
    input_size: Shape | None = None
    batch_size: int | None = None
    epochs: int | None = None


@dataclass(frozen=True)
class Budget:
    """The memory of one training step.

    Attributes:
        limit_gb: What is allowed, GiB.
        smallest_batch: The batch that must fit.
        need: Bytes of a step from a layout and a batch.
    """

    limit_gb: float
    smallest_batch: int
    need: Callable[[Layout, int], int]

    def fits(self, layout: Layout, batch: int | None = None) -> bool:
        """Whether a step with this batch (the smallest one unless given) fits."""
        return self.need(layout, batch or self.smallest_batch) <= self.limit_gb * GIGABYTE

    def exceeded(self, layout: Layout, remedy: str) -> PlanError:
        """The error that says by how much a layout does not fit."""
        gigabytes = self.need(layout, self.smallest_batch) / GIGABYTE
        return PlanError(
            "One training step does not fit the memory.",
            expected=f"at most {self.limit_gb:g} GB with a batch of {self.smallest_batch}",
            got=f"{gigabytes:.3g} GB at {layout.input_size} voxels of {text_of(layout.spacing)}",
            remedy=remedy,
        )


@dataclass(frozen=True)
class Layout:
    """Spacing (mm), input size and margin (voxels, z y x) and network that belong together."""

    spacing: Triple
    input_size: Shape
    margin: Shape
    network: NetworkPlan
    decisions: tuple[Decision, ...]

    @property
    def voxels(self) -> int:
        """Of one input channel."""
        z, y, x = self.input_size
        return z * y * x


def auto(cases: Sequence[CaseMeasurement], wishes: Wishes, budget: Budget) -> Layout:
    """The finest layout whose step with the smallest batch fits.

    Raises:
        PlanError: Nothing fits, or the strides do not divide a given input size.
    """
    spacing, why = target_spacing(cases)
    if wishes.spacing is not None:
        spacing = wishes.spacing
        why = Decision(what="spacing", value=text_of(spacing), reason="given by the user")
    tried: list[Layout] = []
    for layout in _ever_smaller(cases, spacing, wishes):
        if budget.fits(layout):
            return _explained(layout, why, tried, budget)
        tried.append(layout)
    is_given = wishes.spacing is not None or wishes.input_size is not None
    own = "leave --spacing and --input_size to the planner" if is_given else "use fewer channels"
    raise budget.exceeded(tried[-1], f"Raise --gpu_memory_gb, or {own}.")


def _ever_smaller(
    cases: Sequence[CaseMeasurement], spacing: Triple, wishes: Wishes
) -> Iterator[Layout]:
    """Layouts at ever coarser spacings, each with fewer voxels than all before it.

    Several spacings round up to one size, which is tried once. Whatever rounding does, more memory
    can so never end in a smaller input.
    """
    layout = _residual_layout(cases, spacing, wishes)
    yield layout
    if wishes.spacing is not None or wishes.input_size is not None:
        return
    fewest = layout.voxels
    while max(layout.input_size) > SEARCHED_DOWN_TO:
        spacing = coarsened(spacing)
        layout = _residual_layout(cases, spacing, wishes)
        if layout.voxels < fewest:
            fewest = layout.voxels
            yield layout


def _residual_layout(cases: Sequence[CaseMeasurement], spacing: Triple, wishes: Wishes) -> Layout:
    region = region_size(cases, spacing)
    size, stages, why_size = choose_input_size(region, spacing, wishes.input_size)
    reason = (
        "axes are halved while they have 8 voxels left and a spacing within factor 2 of the "
        "finest; features double from 32 to 320; the first stage already halves long axes, since "
        "a classifier needs no answer per voxel"
    )
    if any(1 in kernel for kernel in stages.kernels):
        reason += "; kernels are flat where an axis is over twice as coarse"
    why_network = Decision(
        what="network",
        value=f"residual encoder, {len(stages.strides)} stages, strides {stages.strides}",
        reason=reason,
    )
    network = topology.residual_encoder(stages, "instance")
    return Layout(spacing, size, margin_of(size, region), network, (why_size, why_network))


def _explained(layout: Layout, why: Decision, tried: Sequence[Layout], budget: Budget) -> Layout:
    reason = why.reason
    if tried:
        sizes = ["x".join(str(n) for n in one.input_size) for one in tried]
        listed = sizes if len(sizes) <= 6 else [*sizes[:3], "...", *sizes[-2:]]
        reason += (
            f"; it was {why.value}, but a batch of {budget.smallest_batch} did not fit "
            f"{budget.limit_gb:g} GB at {', '.join(listed)} voxels ({len(sizes)} sizes tried), so "
            "the finest axis was coarsened in steps of 5 %"
        )
    decision = Decision(what="spacing", value=text_of(layout.spacing), reason=reason)
    return Layout(
        layout.spacing,
        layout.input_size,
        layout.margin,
        layout.network,
        (decision, *layout.decisions),
    )


def paper(cases: Sequence[CaseMeasurement], wishes: Wishes, budget: Budget) -> Layout:
    """RICE-NET as published; what the paper leaves open is said to be ours.

    Raises:
        PlanError: It does not fit the memory, or a given input size is too small.
    """
    spacing, size = wishes.spacing or (1.0, 1.0, 1.0), wishes.input_size or (224, 224, 224)
    network = topology.paper_resnet18()
    if any(n % topology.PAPER_STRIDE for n in size) or max(size) <= topology.PAPER_STRIDE:
        raise PlanError(
            "The strides of ResNet-18 do not divide this input size, or leave a single voxel.",
            expected=f"multiples of {topology.PAPER_STRIDE}, one of them twice that or more",
            got=size,
            remedy="Give another --input_size, or use --preset auto.",
        )
    region = region_size(cases, spacing)
    why_spacing = "the paper resamples isotropically; the spacing is not reported, 1 mm is assumed"
    why_size = "as published" if wishes.input_size is None else why_given(region, size)
    decisions = (
        Decision(
            what="spacing",
            value=text_of(spacing),
            reason=why_spacing if wishes.spacing is None else "given by the user",
        ),
        Decision(what="input size", value=str(size), reason=why_size),
        Decision(
            what="network",
            value="3D ResNet-18, stem of stride 2",
            reason="as published; the stem's stride is not reported, and MONAI's default of 1 "
            "costs 8 times as much",
        ),
    )
    layout = Layout(spacing, size, margin_of(size, region), network, decisions)
    if not budget.fits(layout):
        raise budget.exceeded(layout, "Raise --gpu_memory_gb, or use --preset auto.")
    return layout
