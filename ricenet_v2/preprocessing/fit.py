"""Bringing a region to the size that the network sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Shape


def fit(image: NDArray[np.float32], size: Shape) -> NDArray[np.float32]:
    """Centre the region; pad with 0 where it is smaller, cut both ends where it is larger.

    Where the difference is odd, the last voxel of an axis is the one that is added or lost.

    Args:
        image: Axes (z, y, x).
        size: Wanted voxels along (z, y, x).

    Returns:
        A new image, or `image` itself where it has that size.
    """
    if image.shape == size:
        return image
    fitted = np.zeros(size, dtype=np.float32)
    into, out_of = [], []
    for have, want in zip(image.shape, size, strict=True):
        n = min(have, want)
        into.append(slice((want - n) // 2, (want - n) // 2 + n))
        out_of.append(slice((have - n) // 2, (have - n) // 2 + n))
    fitted[tuple(into)] = image[tuple(out_of)]
    return fitted
