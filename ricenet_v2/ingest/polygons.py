"""Pixels inside polygons, by the even-odd rule."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Flags, Floats


def even_odd(polygons: Sequence[Floats], shape: tuple[int, int]) -> Flags:
    """Pixels whose centre an odd number of edges lies left of, in the same row.

    Nested polygons make holes, and so do both ways along a key-hole. What lies outside is clipped.
    An edge counts its lower end and not its upper one, so that polygons which share an edge share
    no pixel.

    Args:
        polygons: Corners (row, column), shape (n, 2), closed from the last to the first.
        shape: Rows and columns.

    Returns:
        Truth values of that shape.
    """
    rows, columns = shape
    toggles = np.zeros((rows, columns + 1), dtype=np.int64)
    for corners in polygons:
        _add_edges(toggles, corners)
    inside: NDArray[np.bool_] = np.cumsum(toggles[:, :columns], axis=1) % 2 == 1
    return inside


def _add_edges(toggles: NDArray[np.int64], corners: Floats) -> None:
    """Count at each pixel the edges that lie between it and its left neighbour."""
    rows, columns = toggles.shape[0], toggles.shape[1] - 1
    start, end = corners, np.roll(corners, -1, axis=0)
    upward = start[:, 0] > end[:, 0]
    low = np.where(upward[:, None], end, start)
    high = np.where(upward[:, None], start, end)
    first = np.clip(np.ceil(low[:, 0]), 0, rows).astype(np.intp)
    after = np.clip(np.ceil(high[:, 0]), 0, rows).astype(np.intp)
    counts = np.maximum(after - first, 0)
    edge = np.repeat(np.arange(len(corners)), counts)
    begins = np.cumsum(counts) - counts
    row = np.arange(counts.sum()) - begins[edge] + first[edge]
    share = (row - low[edge, 0]) / (high[edge, 0] - low[edge, 0])
    crossing = low[edge, 1] + share * (high[edge, 1] - low[edge, 1])
    column = np.clip(np.ceil(crossing), 0, columns).astype(np.intp)
    np.add.at(toggles, (row, column), 1)
