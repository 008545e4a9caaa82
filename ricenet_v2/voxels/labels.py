"""The labels of a mask."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Image

MOST_LABELS = 64
_SAMPLES = 10_000


def labels_of(mask: Image, most: int = MOST_LABELS) -> tuple[float, ...] | None:
    """The values of a mask other than 0, ascending; None where it has too many: no labels.

    Args:
        mask: Axes (z, y, x).
        most: Values other than 0.
    """
    left = mask[mask != 0]
    # Of an image that is no mask, a sample is enough.
    if np.unique(left[:: max(1, left.size // _SAMPLES)]).size > most:
        return None
    labels: list[float] = []
    while left.size and len(labels) <= most:
        labels.append(float(left[0]))
        # One pass for each label: sorting all voxels would take longer.
        left = left[left != left[0]]
    return None if left.size or len(labels) > most else tuple(sorted(labels))
