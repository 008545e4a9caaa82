"""Axes of voxels, flipped and swapped (never interpolated) to left, posterior, superior."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Floats, Image


def to_lps(voxels: Image, grid: Grid) -> tuple[Image, Grid]:
    """Order voxels as `store.images.read_image` does: array axis 2 is right to left.

    Args:
        voxels: Array axes (z, y, x), of the grid's shape.
        grid: Where they lie.

    Returns:
        The voxels, contiguous, and their grid.
    """
    cosines = np.reshape(grid.direction, (3, 3))
    sources = _nearest_axes(cosines)
    flipped = [bool(cosines[world, source] < 0) for world, source in enumerate(sources)]
    turned = voxels.transpose([2 - sources[world] for world in (2, 1, 0)])
    turned = np.flip(turned, tuple(2 - world for world in range(3) if flipped[world]))
    corner = [0.0, 0.0, 0.0]
    for source, flip in zip(sources, flipped, strict=True):
        corner[2 - source] = grid.shape[2 - source] - 1.0 if flip else 0.0
    columns = [
        cosines[:, s] * (-1 if flip else 1) for s, flip in zip(sources, flipped, strict=True)
    ]
    spacing = tuple(grid.spacing[2 - sources[world]] for world in (2, 1, 0))
    x, y, z = grid.world((corner[0], corner[1], corner[2]))
    return np.ascontiguousarray(turned), Grid(
        (turned.shape[0], turned.shape[1], turned.shape[2]),
        (spacing[0], spacing[1], spacing[2]),
        (float(x), float(y), float(z)),
        tuple(float(cosine) for cosine in np.stack(columns, axis=1).ravel()),
    )


def _nearest_axes(cosines: Floats) -> list[int]:
    """Index axis that runs nearest along each of the world's axes x, y, z."""
    left, sources = np.abs(cosines), [0, 0, 0]
    for _ in range(3):
        world, source = np.unravel_index(int(left.argmax()), (3, 3))
        sources[world] = int(source)
        left[world, :] = left[:, source] = -1
    return sources
