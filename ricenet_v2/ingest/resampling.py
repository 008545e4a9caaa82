"""Voxels of one grid on another, through a transform of points."""

from __future__ import annotations

from typing import Any

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Mask
from ricenet_v2.ingest.rigid import RigidTransform

_SAME_MM = 1e-3


def image_of(voxels: NDArray[Any], grid: Grid) -> sitk.Image:
    """Voxels, array axes (z, y, x), as an image of SimpleITK."""
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(float(step) for step in grid.spacing[::-1]))
    image.SetOrigin(tuple(float(v) for v in grid.origin))
    image.SetDirection(tuple(float(v) for v in grid.direction))
    return image


def is_same_grid(first: Grid, other: Grid) -> bool:
    """Whether voxels of two grids are the same points."""
    return first.shape == other.shape and first.distance(other) <= _SAME_MM


def moved_grid(grid: Grid, transform: RigidTransform) -> Grid:
    """The grid whose voxels are the points that a transform makes of those of a grid."""
    origin = transform.points(np.asarray(grid.origin))
    direction = transform.matrix @ np.reshape(grid.direction, (3, 3))
    x, y, z = (float(v) for v in origin)
    return Grid(grid.shape, grid.spacing, (x, y, z), tuple(float(v) for v in direction.ravel()))


def resample(
    voxels: Image, grid: Grid, reference: Grid, transform: sitk.Transform | None = None
) -> Image:
    """Interpolate linearly; 0 outside.

    Args:
        voxels: float32, array axes (z, y, x).
        grid: Where they lie.
        reference: The grid of the result.
        transform: Transform from points of the reference to points of the grid, mm; None is the
            identity.

    Returns:
        float32, of the reference's shape.
    """
    if transform is None and is_same_grid(grid, reference):
        return voxels
    return _resampled(voxels, grid, reference, transform, sitk.sitkLinear)


def resample_mask(
    mask: Mask, grid: Grid, reference: Grid, transform: sitk.Transform | None = None
) -> Mask:
    """Resample to the value of the nearest voxel."""
    if transform is None and is_same_grid(grid, reference):
        return mask
    result = _resampled(mask, grid, reference, transform, sitk.sitkNearestNeighbor)
    return np.asarray(result > 0)


def field_of_view(grid: Grid, reference: Grid, transform: sitk.Transform | None = None) -> Mask:
    """Voxels of the reference that lie inside a grid."""
    return resample_mask(np.ones(grid.shape, dtype=np.bool_), grid, reference, transform)


def _resampled(
    voxels: NDArray[Any],
    grid: Grid,
    reference: Grid,
    transform: sitk.Transform | None,
    interpolator: int,
) -> NDArray[Any]:
    filters = sitk.ResampleImageFilter()
    filters.SetSize(tuple(int(n) for n in reference.shape[::-1]))
    filters.SetOutputSpacing(tuple(float(step) for step in reference.spacing[::-1]))
    filters.SetOutputOrigin(tuple(float(v) for v in reference.origin))
    filters.SetOutputDirection(tuple(float(v) for v in reference.direction))
    filters.SetInterpolator(interpolator)
    filters.SetDefaultPixelValue(0)
    if transform is not None:
        filters.SetTransform(transform)
    result: NDArray[Any] = sitk.GetArrayFromImage(filters.Execute(image_of(voxels, grid)))
    return result
