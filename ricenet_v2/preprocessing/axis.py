"""One axis of resampling, as numbers: the weights of the input voxels for an output voxel."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

Order = Literal[1, 3]

# Few enough output voxels that they take a small part of the inputs, enough for BLAS to be at its
# pace; faster than whole matrices and than sparse ones (benchmarks/resampling.py).
_BLOCK = 32
# The spline of a voxel reaches over the whole axis but falls by 0.27 a voxel; what is below the
# rounding of float32 is left out.
_NEGLIGIBLE = float(np.finfo(np.float32).eps) / 2
_KEPT = 256


@dataclass(frozen=True)
class AxisBlock:
    """Neighbouring output voxels, with the input voxels that they take.

    Attributes:
        made: Output voxels.
        taken: Input voxels.
        weights: float32, axes (output voxel, input voxel).
    """

    made: slice
    taken: slice
    weights: NDArray[np.float32]


@lru_cache(maxsize=_KEPT)
def matrix(n_in: int, n_out: int, order: Order) -> NDArray[np.float64]:
    """The matrix that resamples an axis, read-only, axes (output voxel, input voxel).

    The reference is `skimage.transform.resize(mode="edge")`, which nnU-Net calls, and so
    `scipy.ndimage.zoom(mode="nearest", grid_mode=True)`. The outer edges of the first and last
    voxel stay where they are; beyond them the image continues with the value at its edge (scipy
    adds 12 voxels of it before it fits a cubic spline). Resampling is linear and separable, so
    scipy's answer to each unit vector is a column of the matrix. An axis that loses resolution is
    smoothed before by a Gaussian of (n_in / n_out - 1) / 2 voxels, as `resize(anti_aliasing=True)`
    does.

    Args:
        n_in: Voxels there are.
        n_out: Voxels wanted.
        order: Order of the spline: 1 linear, 3 cubic.
    """
    smoothed = np.eye(n_in)
    if n_in > n_out:
        sigma = (n_in / n_out - 1) / 2
        smoothed = ndimage.gaussian_filter1d(smoothed, sigma, axis=0, mode="nearest")
    weights: NDArray[np.float64] = ndimage.zoom(
        smoothed, (n_out / n_in, 1), order=order, mode="nearest", grid_mode=True
    )
    weights.setflags(write=False)
    return weights


@lru_cache(maxsize=_KEPT)
def blocks(n_in: int, n_out: int, order: Order) -> tuple[AxisBlock, ...]:
    """The matrix of an axis cut into products of its non-zero parts; arguments as `matrix`."""
    whole = matrix(n_in, n_out, order)
    parts = []
    for first in range(0, n_out, _BLOCK):
        rows = slice(first, min(first + _BLOCK, n_out))
        (hits,) = np.nonzero((np.abs(whole[rows]) > _NEGLIGIBLE).any(axis=0))
        columns = slice(int(hits[0]), int(hits[-1]) + 1)
        weights = np.ascontiguousarray(whole[rows, columns], dtype=np.float32)
        weights.setflags(write=False)
        parts.append(AxisBlock(rows, columns, weights))
    return tuple(parts)


@lru_cache(maxsize=_KEPT)
def nearest(n_in: int, n_out: int) -> NDArray[np.intp]:
    """The input voxel nearest to each output voxel, read-only, shape (n_out,).

    The reference is `scipy.ndimage.zoom(order=0, mode="nearest", grid_mode=True)`, ties included.
    """
    indices = ndimage.zoom(
        np.arange(n_in), n_out / n_in, order=0, mode="nearest", grid_mode=True
    ).astype(np.intp)
    indices.setflags(write=False)
    return indices
