"""Similarity of two maps."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from ricenet_v2.core.types import Image, Mask

_MOST = 100_000


def rank_correlation(first: Image, other: Image, region: Mask) -> float:
    """Spearman's correlation over the voxels of a region; of large ones every n-th voxel.

    A map that is the same everywhere is like no other: 0.
    """
    a, b = first[region], other[region]
    step = max(1, len(a) // _MOST)
    a, b = a[::step], b[::step]
    if len(a) < 3 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return 0.0
    return float(stats.spearmanr(a, b).statistic)


def agreement(maps: Sequence[Image], region: Mask) -> float | None:
    """Mean rank correlation between pairs of maps, sign kept; None of a single map."""
    pairs = [rank_correlation(a, b, region) for a, b in combinations(maps, 2)]
    return float(np.mean(pairs)) if pairs else None
