"""Volumes of numpy: an .npz file with the arrays voxels, spacing, origin and direction."""

import numpy as np

from ricenet_v2.plugins import Grid, ReaderSpecification


def read(path):
    """Voxels (z, y, x) and their grid, in LPS."""
    with np.load(path, allow_pickle=False) as arrays:
        voxels = arrays["voxels"]
        grid = Grid(
            shape=tuple(map(int, voxels.shape)),
            spacing=tuple(map(float, arrays["spacing"])),
            origin=tuple(map(float, arrays["origin"])),
            direction=tuple(map(float, arrays["direction"])),
        )
    return voxels, grid


def write(path, voxels, grid):
    """The way back, for those who convert images."""
    np.savez(
        path, voxels=voxels, spacing=grid.spacing, origin=grid.origin, direction=grid.direction
    )


NPZ = ReaderSpecification(read)
