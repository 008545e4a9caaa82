"""Resampling one image to another number of voxels over the same extent."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Image, Shape
from ricenet_v2.preprocessing.axis import AxisBlock, Order, blocks, nearest
from ricenet_v2.preprocessing.blas import one_thread
from ricenet_v2.records.plan_parts import Interpolation, Triple

# An axis this much coarser than the finest is interpolated linearly.
_COARSE = 3.0

Steps = tuple[AxisBlock, ...]
Voxel = TypeVar("Voxel", bound=np.generic)


def new_shape(shape: Shape, spacing: Triple, target: Triple) -> Shape:
    """Voxels along (z, y, x) that cover the same extent at the target spacing, at least 1."""
    z, y, x = (max(1, round(n * s / t)) for n, s, t in zip(shape, spacing, target, strict=True))
    return z, y, x


def resample(image: Image, shape: Shape, interpolation: Interpolation, spacing: Triple) -> Image:
    """Resample to `shape`; the outer edges of the first and last voxels stay where they are.

    Both grids are parallel, so each axis is a matrix of its own (see `axis.matrix` for the rule at
    the rim) and an image takes three small products. Images are smoothed before they lose
    resolution, and results never leave the range of the input: cubic splines overshoot. Between
    slices much thicker than the finest spacing a cubic spline rings, so such an axis is
    interpolated linearly, apart from the others as in nnU-Net.

    Args:
        image: Axes (z, y, x).
        shape: Wanted voxels along (z, y, x).
        interpolation: Interpolation for the kind of channel.
        spacing: mm along (z, y, x) of `image`.

    Returns:
        A new image, also where nothing is to be done.
    """
    if image.shape == shape:
        return image.copy()
    if interpolation == "nearest":
        return _nearest_voxels(image, shape)
    z, y, x = (
        blocks(have, want, order) if have != want else ()
        for have, want, order in zip(
            image.shape, shape, orders(interpolation, spacing), strict=True
        )
    )
    with one_thread():
        resampled = _between_planes(_in_planes(image, shape, y, x), shape, z)
    return np.clip(resampled, image.min(), image.max(), out=resampled)


def resample_mask(mask: NDArray[np.bool_], shape: Shape) -> NDArray[np.bool_]:
    """The voxels of the mask nearest to those of another shape (z, y, x) over the same extent."""
    return _nearest_voxels(mask, shape)


def orders(interpolation: Interpolation, spacing: Triple) -> list[Order]:
    """Order of the spline along each axis (z, y, x); `nearest` has none."""
    if interpolation == "linear":
        return [1, 1, 1]
    return [1 if each > _COARSE * min(spacing) else 3 for each in spacing]


def _nearest_voxels(image: NDArray[Voxel], shape: Shape) -> NDArray[Voxel]:
    z, y, x = map(nearest, image.shape, shape)
    return image.take(x, axis=2).take(y, axis=1).take(z, axis=0)


def _in_planes(image: Image, shape: Shape, y: Steps, x: Steps) -> Image:
    """Along x, then along y, one plane after the other: a plane fits the processor's cache."""
    if not x and not y:
        return image
    resampled = np.empty((image.shape[0], *shape[1:]), dtype=np.float32)
    rows = np.empty((image.shape[1], shape[2]), dtype=np.float32)
    for plane, target in zip(image, resampled, strict=True):
        wide = rows if y else target
        for step in x:
            np.matmul(plane[:, step.taken], step.weights.T, out=wide[:, step.made])
        source = wide if x else plane
        for step in y:
            np.matmul(step.weights, source[step.taken], out=target[step.made])
    return resampled


def _between_planes(image: Image, shape: Shape, z: Steps) -> Image:
    if not z:
        return image
    resampled = np.empty(shape, dtype=np.float32)
    flat, target = image.reshape(image.shape[0], -1), resampled.reshape(shape[0], -1)
    for step in z:
        np.matmul(step.weights, flat[step.taken], out=target[step.made])
    return resampled
