"""Resampling one image to another number of voxels over the same extent."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.records.plan import Interpolation, Shape, Triple

Order = Literal[0, 1, 3]

_ORDER: dict[Interpolation, Order] = {"cubic": 3, "linear": 1, "nearest": 0}
# An axis this much coarser than the finest is not interpolated together with the others.
_APART = 3.0


def new_shape(shape: Shape, spacing: Triple, target: Triple) -> Shape:
    """Voxels along (z, y, x) that cover the same extent at the target spacing, at least 1."""
    z, y, x = (max(1, round(n * s / t)) for n, s, t in zip(shape, spacing, target, strict=True))
    return z, y, x


def resample(
    image: NDArray[np.float32], shape: Shape, interpolation: Interpolation, spacing: Triple
) -> NDArray[np.float32]:
    """Resample to `shape`; the outer edges of the first and last voxels stay where they are.

    Images are smoothed before they lose resolution, and results never leave the range of the
    input: cubic splines overshoot. A much coarser axis is interpolated linearly, after the other
    two, as nnU-Net does.

    Args:
        image: Axes (z, y, x).
        shape: Wanted voxels along (z, y, x).
        interpolation: By kind of channel.
        spacing: mm along (z, y, x) of `image`.
    """
    if image.shape == shape:
        return image
    source = image if interpolation == "nearest" else _smoothed(image, shape)
    if interpolation == "cubic" and max(spacing) > _APART * min(spacing):
        coarse = int(np.argmax(spacing))
        in_plane = list(shape)
        in_plane[coarse] = image.shape[coarse]
        source = _zoomed(source, (in_plane[0], in_plane[1], in_plane[2]), _ORDER["cubic"])
        made = _zoomed(source, shape, _ORDER["linear"])
    else:
        made = _zoomed(source, shape, _ORDER[interpolation])
    return np.clip(made, image.min(), image.max(), out=made)


def _zoomed(image: NDArray[np.float32], shape: Shape, order: Order) -> NDArray[np.float32]:
    """Sample at voxel centres: output index i lies at (i + 0.5) * scale - 0.5 of the input."""
    if image.shape == shape:
        return image
    scale = np.array(image.shape) / np.array(shape)
    made: NDArray[np.float32] = ndimage.affine_transform(
        image,
        scale,
        offset=0.5 * scale - 0.5,
        output_shape=shape,
        order=order,
        mode="nearest",
    )
    return made


def _smoothed(image: NDArray[np.float32], shape: Shape) -> NDArray[np.float32]:
    scale = np.array(image.shape) / np.array(shape)
    sigma = np.maximum(0.0, (scale - 1) / 2)
    if not sigma.any():
        return image
    smooth: NDArray[np.float32] = ndimage.gaussian_filter(image, sigma, mode="nearest")
    return smooth
