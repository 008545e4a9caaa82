"""The foreground of a case by its brain mask or the voxels that are not zero.

Plans made before there were regions follow it; `region` holds the rule of all plans.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import ndimage

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Images, Mask
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.region import BRAIN_MASK, NON_ZERO, WHOLE_IMAGE
from ricenet_v2.voxels.absence import is_absent
from ricenet_v2.voxels.boxes import bounding_box


def foreground(
    images: Images,
    kinds: Sequence[ChannelKind],
    brain: Mask | None,
) -> tuple[Mask, str]:
    """Voxels that belong to the patient, and the rule that found them.

    The brain mask, else the voxels where any mri, ct or pet channel is not zero (holes filled, as
    nnU-Net does, so that a zero inside the head counts), else the whole image. A dose channel
    never decides: dose is non-zero outside the head.

    Args:
        images: Channels of one case, axes (channels, z, y, x).
        kinds: Kind of each channel.
        brain: Brain mask, axes (z, y, x); above 0.5 is brain.

    Returns:
        Mask with axes (z, y, x), and `brain mask`, `non-zero voxels` or `whole image`.

    Raises:
        DatasetError: The brain mask has another shape, or nothing is left in the region.
    """
    if brain is not None:
        return _brain(brain, images.shape[1:]), BRAIN_MASK
    shown = [
        image
        for image, kind in zip(images, kinds, strict=True)
        if KINDS[kind].is_anatomy and not is_absent(image)
    ]
    if not shown:
        return np.ones(images.shape[1:], dtype=np.bool_), WHOLE_IMAGE
    mask = np.zeros(images.shape[1:], dtype=np.bool_)
    for image in shown:
        mask |= image != 0
    if not mask.any():
        raise DatasetError(
            "The image channels hold nothing but zeros.",
            expected="voxels other than 0 in at least one mri, ct or pet channel",
            got=f"0 of {mask.size} voxels",
            remedy="Export the images of this case again.",
        )
    return _filled(mask), NON_ZERO


def _brain(brain: Mask, shape: tuple[int, ...]) -> Mask:
    if brain.shape != shape:
        raise DatasetError(
            "The brain mask has another shape than the images.", expected=shape, got=brain.shape
        )
    mask = np.asarray(brain > 0.5, dtype=np.bool_)
    if not mask.any():
        raise DatasetError(
            "The brain mask is empty.",
            expected="at least one voxel above 0.5",
            got=f"0 of {mask.size} voxels",
            remedy="Make the brain mask again, or delete it to use the non-zero voxels.",
        )
    return mask


def _filled(mask: Mask) -> Mask:
    """Fill holes, inside the bounding box only: beyond it there are none."""
    start, stop = bounding_box(mask)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    mask[box] = ndimage.binary_fill_holes(mask[box])
    return mask
