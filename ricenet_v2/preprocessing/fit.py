"""Bringing a region to the size that the network sees."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.records.plan import Shape


def fit(images: NDArray[np.float32], size: Shape) -> NDArray[np.float32]:
    """Centre the region; pad with 0 where it is smaller, cut both ends where it is larger.

    Args:
        images: Axes (channels, z, y, x).
        size: Wanted voxels along (z, y, x).
    """
    made = np.zeros((images.shape[0], *size), dtype=np.float32)
    into, out_of = [slice(None)], [slice(None)]
    for have, want in zip(images.shape[1:], size, strict=True):
        n = min(have, want)
        into.append(slice((want - n) // 2, (want - n) // 2 + n))
        out_of.append(slice((have - n) // 2, (have - n) // 2 + n))
    made[tuple(into)] = images[tuple(out_of)]
    return made
