"""Memory that preprocessing a case takes, from the header of one image alone."""

from __future__ import annotations

import math

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.memory import BYTES_PER_VOXEL
from ricenet_v2.core.regular import is_missing
from ricenet_v2.core.types import Shape
from ricenet_v2.preprocessing.resample import new_shape
from ricenet_v2.preprocessing.resampling_route import straight_box
from ricenet_v2.preprocessing.rotated_resampling import PAD
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.images import readable_grid
from ricenet_v2.store.raw import RawDataset


def bytes_of_largest(raw: RawDataset, plan: Plan, seconds: float | None = None) -> int:
    """Bytes of the most demanding case; one whose image has no readable header counts 0.

    Args:
        raw: The dataset.
        plan: Decides the target spacing.
        seconds: Time in seconds that reading a header may take; None for no limit.
    """
    paths = [raw.images(case) for case in raw.cases]
    # The first channel that is there: where all lie on one grid, any will do.
    firsts = [next((path for path in each if not is_missing(path)), each[0]) for each in paths]
    grids = [readable_grid(path, seconds) for path in firsts]
    return max((bytes_of_case(grid, plan) for grid in grids if grid is not None), default=0)


def bytes_of_case(grid: Grid, plan: Plan) -> int:
    """Most bytes that are held at once, if the region is the whole image.

    All channels as they were read are held throughout. Beside them stand, while a file is read or
    the region sought, two images and its masks; later, for one channel at a time, the image after
    two of its axes, after all three, and at the input size, and the masks at the target spacing.
    """
    is_turned = plan.straighten and grid.is_tilted
    shape = (
        _straight_shape(grid, plan)
        if is_turned
        else new_shape(grid.shape, grid.spacing, plan.spacing)
    )
    source, target = math.prod(grid.shape), math.prod(shape)
    # Of an image that is turned the spline takes the place of the image after two of its axes.
    spline = math.prod(n + 2 * PAD for n in grid.shape)
    between = 2 * spline + source if is_turned else grid.shape[0] * shape[1] * shape[2]
    reading = 2 * BYTES_PER_VOXEL * source + 4 * source
    working = (
        BYTES_PER_VOXEL * (between + target + math.prod(plan.input_size)) + 2 * target + source
    )
    return BYTES_PER_VOXEL * len(plan.channels) * source + max(reading, working)


def _straight_shape(grid: Grid, plan: Plan) -> Shape:
    """Voxels along (z, y, x) of the box along the axes of the patient around the whole image."""
    corners = grid.corners()
    low, high = corners.min(axis=0).tolist(), corners.max(axis=0).tolist()
    return straight_box((low[0], low[1], low[2]), (high[0], high[1], high[2]), plan.spacing).shape
