"""The images of a case, which lie on one grid."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Images, Mask
from ricenet_v2.store.images import read_image


def load_case(
    paths: Sequence[Path], brain_path: Path | None = None
) -> tuple[Images, Grid, Mask | None]:
    """Read the channels of a case, and its brain mask, on one grid.

    Args:
        paths: One file for each channel, at least one.
        brain_path: Brain mask, where there is one.

    Returns:
        Images (channels, z, y, x) in LPS, their grid, the mask (z, y, x) or None.

    Raises:
        DatasetError: A file is missing or unreadable.
        GeometryError: A channel or the mask lies on another grid.
    """
    first, grid = read_image(paths[0])
    images = np.empty((len(paths), *grid.shape), dtype=np.float32)
    images[0] = first
    del first
    for index, path in enumerate(paths[1:], start=1):
        images[index] = _on(grid, path, paths[0])
    brain = None if brain_path is None else _on(grid, brain_path, paths[0]) > 0.5
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
