"""Volume of the voxels of a mask."""

from __future__ import annotations

import math

import numpy as np

from ricenet_v2.core.types import Mask, Triple

__all__ = ["millilitres"]

_MM3_PER_ML = 1000.0


def millilitres(mask: Mask, spacing: Triple) -> float:
    """Volume of the true voxels of a mask, in mL.

    Args:
        mask: Axes (z, y, x).
        spacing: Spacing in mm, (z, y, x).
    """
    return int(np.count_nonzero(mask)) * math.prod(spacing) / _MM3_PER_ML
