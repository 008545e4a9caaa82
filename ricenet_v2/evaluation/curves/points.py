"""Thinning of the points of a curve."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.records.curves import MOST_POINTS


def thinned(n_points: int) -> NDArray[np.intp]:
    """Indices of at most 500 points, evenly spread, with the first and the last."""
    if n_points <= MOST_POINTS:
        return np.arange(n_points)
    return np.unique(np.linspace(0, n_points - 1, MOST_POINTS).round().astype(np.intp))
