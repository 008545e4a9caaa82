"""Edges of a plane as lines: where its brightness changes fastest, within a region."""

from __future__ import annotations

import contourpy
import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.types import Mask

_SIGMA_MM = 1.5
_STRONGEST = 60.0
"""Percentile of the gradient from which on an edge is drawn."""
_SHORTEST_MM = 8.0


def edge_lines(
    values: NDArray[np.float32], region: Mask, mm_per_pixel: float, finest_mm: float = 0.0
) -> list[NDArray[np.float64]]:
    """Lines along zero crossings of the Laplacian where the gradient is large.

    The rim of the region itself is no edge: values outside do not count.

    Args:
        values: Square pixels, shape (rows, columns).
        region: Where edges are looked for, of the same shape.
        mm_per_pixel: Side of a pixel.
        finest_mm: Distance of voxels; what is finer is no edge of the image.

    Returns:
        Points of shape (n, 2), each (column, row) in pixels, from 0 at the middle of the first.
    """
    if min(values.shape) < 3 or not region.any():
        return []
    sigma = max(_SIGMA_MM, 0.6 * finest_mm) / mm_per_pixel
    weight = ndimage.gaussian_filter(region.astype(np.float64), sigma)
    inside = np.where(region, values, 0).astype(np.float64)
    smooth = ndimage.gaussian_filter(inside, sigma) / np.maximum(weight, 1e-6)
    gradient = np.hypot(*np.gradient(smooth))
    curvature = ndimage.laplace(ndimage.gaussian_filter(smooth, sigma / 2))
    # What lies outside is made of little near the rim.
    core = ndimage.binary_erosion(region, iterations=max(1, round(sigma)))
    if not core.any():
        return []
    strong = core & (gradient > max(float(np.percentile(gradient[core], _STRONGEST)), 1e-9))
    crossings = contourpy.contour_generator(
        z=np.ma.masked_array(curvature, mask=~strong), line_type=contourpy.LineType.Separate
    ).lines(0.0)
    lines = [np.asarray(points) for points in crossings]
    return [line for line in lines if _length(line) * mm_per_pixel >= _SHORTEST_MM]


def _length(points: NDArray[np.float64]) -> float:
    return float(np.hypot(*np.diff(points, axis=0).T).sum())
