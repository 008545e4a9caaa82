"""How many voxels the network must see at a spacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning import topology
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.plan import Decision, Shape, Triple

MARGIN_SHARE = 0.04
SMALLEST_SIDE = 4


def region_size(cases: Sequence[CaseMeasurement], spacing: Triple) -> Shape:
    """95th percentile of the cropped size at a spacing, in voxels (z, y, x), at least 4."""
    extents = np.array([np.multiply(case.cropped_shape, case.spacing) for case in cases])
    # A case that is already at the target spacing must not gain a voxel from rounding.
    voxels = np.ceil(np.percentile(extents, 95, axis=0) / np.array(spacing) - 1e-3)
    z, y, x = (max(SMALLEST_SIDE, int(n)) for n in voxels)
    return z, y, x


def with_margin(region: Shape) -> Shape:
    """The region and 4 % of it (both sides together), rounded up."""
    z, y, x = (n + int(np.ceil(n * MARGIN_SHARE)) for n in region)
    return z, y, x


def choose_input_size(
    region: Shape, spacing: Triple, given: Shape | None
) -> tuple[Shape, topology.Topology, Decision]:
    """Input size, the stages that belong to it, and the reason.

    Args:
        region: Voxels along (z, y, x) that most cases need at `spacing`.
        spacing: mm along (z, y, x).
        given: Voxels that the user wants instead.

    Raises:
        PlanError: The strides do not divide the given size.
    """
    wanted = given or with_margin(region)
    stages = topology.topology(wanted, spacing)
    size = topology.divisible(wanted, stages.total_stride)
    if given is None:
        reason = (
            f"95th percentile of the region, {region} voxels at this spacing, plus a margin of "
            f"{MARGIN_SHARE:.0%}, rounded up to multiples of the strides {stages.total_stride}"
        )
        return size, stages, Decision(what="input size", value=str(size), reason=reason)
    if size != given:
        raise PlanError(
            "The strides of the network do not divide this input size.",
            expected=f"multiples of {stages.total_stride} along (z, y, x), e.g. {size}",
            got=given,
            remedy=f"--input_size {' '.join(str(n) for n in size)}",
        )
    return (
        size,
        stages,
        Decision(what="input size", value=str(size), reason=why_given(region, size)),
    )


def why_given(region: Shape, size: Shape) -> str:
    """Reason of a size that the user gave, with a warning where cases will be cropped."""
    if all(n >= r for n, r in zip(size, region, strict=True)):
        return "given by the user"
    return f"given by the user; the 95th percentile of the region is {region}, so cases are cropped"


def margin_of(size: Shape, region: Shape) -> Shape:
    """Voxels that the input leaves around the region, both sides together."""
    z, y, x = (max(0, n - r) for n, r in zip(size, region, strict=True))
    return z, y, x
