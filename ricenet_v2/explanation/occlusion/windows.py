"""Positions of the windows, and the map of their values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.types import Mask, Shape
from ricenet_v2.records.plan_parts import Triple

Values = NDArray[np.float64]
Corners = NDArray[np.int64]
_CORNERS = tuple(product((0, 1), repeat=3))


@dataclass(frozen=True)
class Windows:
    """Boxes of one size; voxels along (z, y, x).

    Attributes:
        size: Size of each box.
        starts: First voxel of each box, (windows, 3).
        shape: Shape of the image that they lie in.
    """

    size: Shape
    starts: Corners
    shape: Shape

    def __len__(self) -> int:
        """Number of windows."""
        return len(self.starts)

    def slices(self, number: int) -> tuple[slice, ...]:
        """Slices of window `number` in images (channels, z, y, x)."""
        starts = self.starts[number].tolist()
        box = (slice(start, start + n) for start, n in zip(starts, self.size, strict=True))
        return (slice(None), *box)

    def sums(self, values: Values) -> Values:
        """Add each window's value to all of its voxels: (z, y, x).

        The value enters at the eight corners of its box, and running sums along the axes carry it
        to the voxels between, so the work does not grow with the size of the windows.
        """
        totals = np.zeros([n + 1 for n in self.shape])
        for corner in _CORNERS:
            z, y, x = (self.starts + np.multiply(corner, self.size)).T
            np.add.at(totals, (z, y, x), values * (-1) ** sum(corner))
        for axis in range(3):
            np.cumsum(totals, axis=axis, out=totals)
        return totals[:-1, :-1, :-1]

    def average(self, values: Values) -> Values:
        """Mean of the values of the windows that hold a voxel, (z, y, x); NaN where none does."""
        count = np.rint(self.sums(np.ones(len(self))))
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.where(count > 0, self.sums(values) / count, np.nan)


def box_totals(image: NDArray[Any], starts: NDArray[np.int64], stops: NDArray[np.int64]) -> Values:
    """Sums of the voxels of an image (z, y, x) in boxes from `starts` to `stops`, (boxes, 3)."""
    table = np.zeros([n + 1 for n in image.shape])
    table[1:, 1:, 1:] = image
    for axis in range(3):
        np.cumsum(table, axis=axis, out=table)
    total = np.zeros(len(starts))
    for corner in _CORNERS:
        z, y, x = np.where(corner, stops, starts).T
        total += table[z, y, x] * (-1) ** (3 - sum(corner))
    return total


def lay_windows(region: Mask, spacing: Triple, window_mm: float, stride_mm: float) -> Windows:
    """Windows over the whole image, but those that touch no voxel of the region are left out.

    They start at the first voxel; the last one of an axis is moved back so that it ends with the
    image, and so every voxel of the region lies in a window.

    Args:
        region: Mask (z, y, x).
        spacing: mm along (z, y, x).
        window_mm: Side of the windows.
        stride_mm: Distance in mm from one window to the next.

    Raises:
        GeometryError: The region is empty, a window is larger than the image, or the stride is
            larger than the window and so leaves gaps.
    """
    z, y, x = region.shape
    if not region.any():
        raise GeometryError(
            "The region to explain has no voxel inside the image that the network sees.",
            expected=f"at least one voxel within {z} x {y} x {x} (z, y, x)",
            got="none",
            remedy="Give a mask that lies inside the patient, or leave it out.",
        )
    if stride_mm > window_mm:
        raise GeometryError(
            "The stride of the windows is larger than the windows and leaves gaps.",
            expected=f"at most {window_mm:g} mm",
            got=f"{stride_mm:g} mm",
            remedy="Give a smaller stride, or a larger window.",
        )
    size, step = _voxels(window_mm, spacing), _voxels(stride_mm, spacing)
    if any(s > n for s, n in zip(size, region.shape, strict=True)):
        extent = [n * s for n, s in zip(region.shape, spacing, strict=True)]
        raise GeometryError(
            "The window is larger than the image that the network sees.",
            expected=f"at most {min(extent):g} mm",
            got=f"{window_mm:g} mm: {size} of {region.shape} voxels (z, y, x)",
            remedy="Give a smaller window.",
        )
    axes = [_starts(*each) for each in zip(region.shape, size, step, strict=True)]
    starts = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 3)
    touched = box_totals(region, starts, starts + np.asarray(size)) > 0.5
    return Windows(size, starts[touched], (z, y, x))


def _voxels(length_mm: float, spacing: Triple) -> Shape:
    z, y, x = (max(1, round(length_mm / each)) for each in spacing)
    return z, y, x


def _starts(n: int, size: int, step: int) -> Sequence[int]:
    return [*range(0, n - size, step), n - size]
