"""Number of voxels that the network must see at a spacing."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Shape
from ricenet_v2.planning.topology import divisible
from ricenet_v2.records.fingerprint import CaseMeasurement
from ricenet_v2.records.plan_parts import Triple

MARGIN_SHARE = 0.04
SMALLEST_SIDE = 4
_PERCENTILE = 95
_HALF = 0.5


def region_extent(cases: Sequence[CaseMeasurement]) -> Triple:
    """95th percentile of the extent of the cropped region along (z, y, x), in mm.

    Args:
        cases: Measurements of the dataset.
    """
    extents = np.array([np.multiply(case.cropped_shape, case.spacing) for case in cases])
    z, y, x = (float(value) for value in np.percentile(extents, _PERCENTILE, axis=0))
    return z, y, x


def region_size(extent: Triple, spacing: Triple) -> Shape:
    """Voxels along (z, y, x) that hold an extent, at least 4.

    Args:
        extent: mm along (z, y, x).
        spacing: mm along (z, y, x).
    """
    # A case that is already at the target spacing must not gain a voxel from rounding.
    voxels = np.ceil(np.divide(extent, spacing) - 1e-3)
    z, y, x = (max(SMALLEST_SIDE, int(n)) for n in voxels)
    return z, y, x


def with_margin(region: Shape) -> Shape:
    """The region and 4 % of it (both sides together), rounded up.

    Args:
        region: Voxels along (z, y, x).
    """
    z, y, x = (n + int(np.ceil(n * MARGIN_SHARE)) for n in region)
    return z, y, x


def margin_of(size: Shape, region: Shape) -> Shape:
    """Voxels that the input leaves around the region, both sides together."""
    z, y, x = (max(0, n - r) for n, r in zip(size, region, strict=True))
    return z, y, x


def cut_off(cases: Sequence[CaseMeasurement], spacing: Triple, size: Shape) -> dict[str, float]:
    """Share of the box around the patient that lies outside of the input, by case.

    Of cases that lose half a voxel or more along an axis.

    Args:
        cases: Measurements of the dataset.
        spacing: mm along (z, y, x).
        size: Voxels along (z, y, x).
    """
    lost = {}
    for case in cases:
        voxels = np.multiply(case.cropped_shape, case.spacing) / np.asarray(spacing)
        if np.any(voxels > np.asarray(size) + _HALF):
            lost[case.case_id] = 1 - float(np.prod(np.minimum(1, np.asarray(size) / voxels)))
    return lost


def spacing_that_holds(cases: Sequence[CaseMeasurement], spacing: Triple, size: Shape) -> Triple:
    """The spacing, mm along (z, y, x), coarsened until the input holds the usual region.

    Args:
        cases: Measurements of the dataset.
        spacing: mm along (z, y, x).
        size: Voxels along (z, y, x).
    """
    # Rounded up, or the last voxel would lie outside again.
    least = np.ceil(np.divide(region_extent(cases), size) * 100) / 100
    z, y, x = np.maximum(spacing, least).tolist()
    return z, y, x


def rounded_up(requested: Shape, stride: Shape, given: Shape | None) -> Shape:
    """The wanted size in multiples of the strides, or the given size where they divide it.

    Args:
        requested: Voxels along (z, y, x).
        stride: Product of all strides of the network along (z, y, x).
        given: Voxels that the user wants instead.

    Raises:
        PlanError: The strides do not divide the given size.
    """
    size = divisible(given or requested, stride)
    if given is not None and size != given:
        raise PlanError(
            "The strides of the network do not divide this input size.",
            expected=f"multiples of {stride} along (z, y, x), e.g. {size}",
            got=given,
            remedy=f"--input_size {' '.join(str(n) for n in size)}",
        )
    return size
