"""The images of a case, which lie on one grid."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import GeometryError, MissingChannelError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Images, Mask
from ricenet_v2.store.images import read_image


def load_case(
    paths: Sequence[Path], brain_path: Path | None = None, absent: Collection[int] = ()
) -> tuple[Images, Grid, Mask | None]:
    """Read the channels of a case, and its brain mask, on one grid.

    Args:
        paths: One file for each channel, at least one.
        brain_path: Brain mask, where there is one.
        absent: Indices of channels that the case lacks: their voxels are NaN.

    Returns:
        Images (channels, z, y, x) in LPS, their grid, the mask (z, y, x) or None.

    Raises:
        DatasetError: A file is missing or unreadable.
        MissingChannelError: The case lacks all channels.
        GeometryError: A channel or the mask lies on another grid.
    """
    there = [index for index in range(len(paths)) if index not in absent]
    if not there:
        raise MissingChannelError(
            "This case lacks all of its channels.",
            file=paths[0],
            expected="an image of one channel or more",
            got="no image",
            remedy="Add its images, or leave the case out.",
        )
    reference = paths[there[0]]
    first, grid = read_image(reference)
    images = np.empty((len(paths), *grid.shape), dtype=np.float32)
    images[list(absent)] = np.nan
    images[there[0]] = first
    del first
    for index in there[1:]:
        images[index] = _on(grid, paths[index], reference)
    brain = None if brain_path is None else _on(grid, brain_path, reference) > 0.5
    return images, grid, brain


def _on(grid: Grid, path: Path, reference: Path) -> Image:
    image, image_grid = read_image(path)
    if not image_grid.matches(grid):
        raise GeometryError(
            "All channels of a case must lie on one grid.",
            file=path,
            expected=f"that of {reference.name}: {grid}",
            got=image_grid,
            remedy="Resample the image onto the grid of the first channel.",
        )
    return image
