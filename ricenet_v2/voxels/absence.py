"""Channels that a case lacks, in arrays: every voxel of such a channel is NaN.

No image has such voxels, as reading refuses them, and no arithmetic turns them into a value by
accident: a step that forgets that a channel may be missing shows it.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.core.errors import MissingChannelError
from ricenet_v2.core.types import Image, Images

__all__ = ["ABSENT", "absent_channels", "is_absent", "stacked"]

ABSENT = np.float32(np.nan)
"""Value of all voxels of a channel that is missing."""


def is_absent(image: Image) -> bool:
    """Whether a channel, axes (z, y, x), is missing."""
    return bool(np.isnan(image.flat[0])) and bool(np.isnan(image).all())


def absent_channels(images: Images) -> tuple[int, ...]:
    """Indices of the channels of a case, axes (channels, z, y, x), that are missing."""
    return tuple(index for index, image in enumerate(images) if is_absent(image))


def stacked(images: Images | Sequence[Image | None]) -> Images:
    """Channels in one array, axes (channels, z, y, x), NaN in those that are None.

    Args:
        images: Such an array, which is given back, or one image, axes (z, y, x), for each channel.

    Raises:
        MissingChannelError: All of them are None.
        ValueError: They differ in shape.
    """
    if isinstance(images, np.ndarray):
        return images
    first = next((image for image in images if image is not None), None)
    if first is None:
        raise MissingChannelError(
            "All channels of this patient are missing.",
            expected="an image of one channel or more",
            got=f"{len(images)} times None",
        )
    empty = np.full(first.shape, ABSENT)
    return np.stack([empty if image is None else image for image in images])
