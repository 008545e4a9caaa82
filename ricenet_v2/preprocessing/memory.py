"""How much memory preprocessing a case takes, from the header of its first image alone."""

from __future__ import annotations

import math

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.resample import new_shape
from ricenet_v2.records.plan import Plan
from ricenet_v2.store.images import read_grid
from ricenet_v2.store.raw import RawDataset

_FLOAT = 4


def bytes_of_largest(raw: RawDataset, plan: Plan) -> int:
    """Bytes of the most demanding case; one whose first image has no readable header counts 0."""
    needed = 0
    for case in raw.cases:
        try:
            grid = read_grid(raw.images(case)[0])
        except (RicenetError, RuntimeError, OSError, ValueError):
            continue
        needed = max(needed, bytes_of_case(grid, plan))
    return needed


def bytes_of_case(grid: Grid, plan: Plan) -> int:
    """Most bytes that are held at once, if the region is the whole image.

    All channels as they were read are held throughout. Beside them stand, while a file is read or
    the region sought, two images and its masks; later, for one channel at a time, the image after
    two of its axes, after all three, and at the input size, and the masks at the target spacing.
    """
    shape = new_shape(grid.shape, grid.spacing, plan.spacing)
    source, target = math.prod(grid.shape), math.prod(shape)
    between = grid.shape[0] * shape[1] * shape[2]
    reading = 2 * _FLOAT * source + 4 * source
    working = _FLOAT * (between + target + math.prod(plan.input_size)) + 2 * target + source
    return _FLOAT * len(plan.channels) * source + max(reading, working)
