"""Channels that a case lacks, in arrays: every voxel of such a channel is NaN.

No image has such voxels, as reading refuses them, and no arithmetic turns them into a value by
accident: a step that forgets that a channel may be missing shows it.
"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Image, Images

__all__ = ["ABSENT", "absent_channels", "is_absent"]

ABSENT = np.float32(np.nan)
"""Value of all voxels of a channel that is missing."""


def is_absent(image: Image) -> bool:
    """Whether a channel, axes (z, y, x), is missing."""
    return bool(np.isnan(image.flat[0])) and bool(np.isnan(image).all())


def absent_channels(images: Images) -> tuple[int, ...]:
    """Indices of the channels of a case, axes (channels, z, y, x), that are missing."""
    return tuple(index for index, image in enumerate(images) if is_absent(image))
