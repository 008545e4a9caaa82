"""Grey windows of images: what is black and what is white, in the unit of the image."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Image
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS

__all__ = ["CT_PRESETS", "CT_RANGE", "window_of"]

CT_PRESETS: tuple[tuple[str, int, int], ...] = (
    ("soft tissue", 400, 40),
    ("brain", 80, 40),
    ("stroke", 40, 40),
    ("bone", 2500, 500),
)
"""Name, width and level in HU of the windows in which CTs are read; the first is the usual one."""
CT_RANGE = (-1024.0, 3071.0)
"""HU, of 12 bits: below is the padding of scanners, above is metal."""
_PERCENTILES = [1, 99.8]
_SAMPLE = 200_000
_MOST_OUTSIDE = 0.97  # of a CT in the usual window; where more is, its values are not HU


def window_of(channel: Channel, voxels: Image) -> tuple[float, float]:
    """The window in which an image is shown at first: its lower and its upper end.

    A dose is shown from 0 to its maximum, a CT in the window of soft tissue, any other image from
    0 (or its first percentile, where values are signed) to its 99.8th percentile.

    Args:
        channel: Description of the image.
        voxels: Axes (z, y, x), in the unit of the channel.
    """
    kind = KINDS[channel.kind]
    if kind.is_dose:
        return 0.0, max(float(voxels.max()), 1.0)
    inside = voxels[voxels != 0]
    if inside.size == 0 or kind.is_mask:
        return 0.0, max(float(voxels.max()), 1.0)
    sample = inside[:: max(1, inside.size // _SAMPLE)]
    if kind.is_hounsfield:
        _, width, level = CT_PRESETS[0]
        usual = (level - width / 2, level + width / 2)
        is_outside = (sample <= usual[0]) | (sample >= usual[1])
        if float(is_outside.mean()) < _MOST_OUTSIDE:
            return usual
    low, high = (float(value) for value in np.percentile(sample, _PERCENTILES))
    low = low if kind.is_signed else min(low, 0.0)
    return low, high if high > low else low + 1.0
