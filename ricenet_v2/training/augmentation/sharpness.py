"""Blur and loss of resolution: both are linear along each axis, so both are one small matrix."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from ricenet_v2.training.augmentation.draw import Intensity
from ricenet_v2.training.augmentation.transfer import sent

Matrix = NDArray[np.float64]

# scipy.ndimage.gaussian_filter cuts its kernel there.
_TRUNCATE = 4.0
# Rows of a band matrix that are multiplied in one go.
_BLOCK = 16


def soften(images: torch.Tensor, drawn: Sequence[Intensity], kept_axis: int | None = None) -> None:
    """Blur, then lower the resolution and come back, in place.

    Args:
        images: Axes (items, z, y, x).
        drawn: `blur_sigma` and `low_resolution` of each item.
        kept_axis: A much coarser axis, whose resolution is not lowered.
    """
    blocks = [
        block
        for axis, size in enumerate(images.shape[1:])
        for block in _blocks(
            np.stack([_matrix(size, each, lower=axis != kept_axis) for each in drawn]), axis
        )
    ]
    parts = sent([block.part for block in blocks], images.device)
    source, spare = images, torch.empty_like(images)
    for axis in range(3):
        for block, part in zip(blocks, parts, strict=True):
            if block.axis == axis:
                _multiply(source, spare, block, part)
        source, spare = spare, source
    images.copy_(source)


def _matrix(size: int, drawn: Intensity, *, lower: bool) -> Matrix:
    matrix = np.eye(size)
    if drawn.blur_sigma is not None:
        matrix = gaussian(size, drawn.blur_sigma)
    if lower and drawn.low_resolution is not None:
        matrix = low_resolution(size, drawn.low_resolution) @ matrix
    return matrix


def gaussian(size: int, sigma: float) -> Matrix:
    """Gaussian blur along an axis of `size` voxels, as scipy.ndimage.gaussian_filter does it.

    At its ends the axis is mirrored about the outer faces of its voxels (mode `reflect`).
    """
    radius = int(_TRUNCATE * sigma + 0.5)
    offsets = np.arange(-radius, radius + 1)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    kernel /= kernel.sum()
    at = (np.arange(size)[:, None] + offsets) % (2 * size)
    at = np.where(at < size, at, 2 * size - 1 - at)
    matrix = np.zeros((size, size))
    np.add.at(matrix, (np.arange(size)[:, None], at), kernel)
    return matrix


def low_resolution(size: int, zoom: float) -> Matrix:
    """Resample to `zoom * size` voxels along one axis, and back.

    Down by the nearest voxel and up linearly, as torch's `nearest-exact` and `trilinear` and as in
    batchgeneratorsv2; batchgenerators goes up by cubic splines, which overshoot.
    """
    few = max(1, round(size * zoom))
    taken = np.minimum(((np.arange(few) + 0.5) * size / few).astype(int), size - 1)
    at = np.clip((np.arange(size) + 0.5) * few / size - 0.5, 0, few - 1)
    low = at.astype(int)
    high = np.minimum(low + 1, few - 1)
    matrix, rows = np.zeros((size, size)), np.arange(size)
    np.add.at(matrix, (rows, taken[low]), 1 - (at - low))
    np.add.at(matrix, (rows, taken[high]), at - low)
    return matrix


@dataclass(frozen=True, eq=False)
class _Block:
    """Some rows of the matrices of all items along one array axis, and the columns they read."""

    axis: int
    rows: slice
    columns: slice
    part: torch.Tensor


def _blocks(matrices: Matrix, axis: int) -> Iterator[_Block]:
    """The matrices are bands: only the columns that a block of rows reads are multiplied."""
    for first in range(0, matrices.shape[1], _BLOCK):
        rows = slice(first, first + _BLOCK)
        read = np.flatnonzero(matrices[:, rows].any(axis=(0, 1)))
        columns = slice(int(read[0]), int(read[-1]) + 1)
        part = torch.from_numpy(matrices[:, rows, columns].astype(np.float32))
        yield _Block(axis, rows, columns, part)


def _multiply(
    source: torch.Tensor, target: torch.Tensor, block: _Block, part: torch.Tensor
) -> None:
    """Multiply each item by its matrix, for these rows; `part` is that of the block, sent."""
    rows, columns = block.rows, block.columns
    if block.axis == 0:
        read_from = source[:, columns].flatten(2)
        torch.matmul(part, read_from, out=target[:, rows].flatten(2))
    elif block.axis == 1:
        target[:, :, rows] = torch.matmul(part[:, None], source[:, :, columns])
    else:
        target[..., rows] = torch.matmul(source[..., columns], part.mT[:, None])
