"""The largest value of a map."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def peak(values: NDArray[np.float32]) -> tuple[int, int, int]:
    """The voxel (z, y, x) in the middle of those that share the largest value of a map.

    Windows overlap by steps of several voxels, so that blocks of voxels share their value.

    Args:
        values: (z, y, x); NaN where nothing is known, finite somewhere.
    """
    places = np.argwhere(values >= np.nanmax(values) - 1e-7)
    middle = places[int(((places - places.mean(axis=0)) ** 2).sum(axis=1).argmin())]
    return int(middle[0]), int(middle[1]), int(middle[2])
