"""Boxes around the voxels of a mask."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Mask, Shape, Triple


def bounding_box(mask: Mask) -> tuple[Shape, Shape]:
    """Smallest box around the true voxels.

    Args:
        mask: Axes (z, y, x).

    Returns:
        First voxel and first voxel behind the box, each (z, y, x).

    Raises:
        DatasetError: No voxel is true.
    """
    start, stop = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (hits,) = np.nonzero(mask.any(axis=others))
        if hits.size == 0:
            raise DatasetError(
                "An empty mask has no bounding box.",
                expected="at least one voxel inside the mask",
                got=f"0 of {mask.size} voxels",
            )
        start.append(int(hits[0]))
        stop.append(int(hits[-1]) + 1)
    return (start[0], start[1], start[2]), (stop[0], stop[1], stop[2])


def patient_box(mask: Mask, grid: Grid, margin_mm: float = 0.0) -> tuple[Triple, Triple]:
    """Smallest box along the axes of the patient around the true voxels, which may lie tilted.

    Args:
        mask: Axes (z, y, x), at least one voxel true.
        grid: Grid of the mask.
        margin_mm: Distance in mm by which the box is larger on each side.

    Returns:
        Lowest and highest mm (x, y, z) in LPS of the faces of the voxels.
    """
    rows = mask.any(axis=2)
    first = mask.argmax(axis=2)[rows]
    last = mask.shape[2] - 1 - mask[..., ::-1].argmax(axis=2)[rows]
    z, y = np.nonzero(rows)
    # Of each row of voxels only the two ends can be the farthest.
    ends = np.concatenate([np.column_stack([z, y, x]) for x in (first, last)])
    places = grid.positions(ends.astype(np.float64))
    around = grid.positions(np.eye(3)) - grid.positions(np.zeros(3))
    half = np.abs(around).sum(axis=0) / 2 + margin_mm
    low, high = (places.min(axis=0) - half).tolist(), (places.max(axis=0) + half).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])
