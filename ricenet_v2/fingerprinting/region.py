"""Which part of an image is patient: the one rule that measuring and preprocessing share."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.kinds import KINDS

BRAIN_MASK = "brain mask"
NON_ZERO = "non-zero voxels"
WHOLE_IMAGE = "whole image"


def foreground(
    images: NDArray[np.float32],
    kinds: Sequence[ChannelKind],
    brain: NDArray[np.bool_] | None,
) -> tuple[NDArray[np.bool_], str]:
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
    shown = [image for image, kind in zip(images, kinds, strict=True) if KINDS[kind].is_anatomy]
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


def bounding_box(mask: NDArray[np.bool_]) -> tuple[Shape, Shape]:
    """Smallest box around the true voxels.

    Args:
        mask: Axes (z, y, x).

    Returns:
        First voxel and first voxel behind the box, each (z, y, x).

    Raises:
        DatasetError: No voxel is true.
    """
    start, stop = [], []
    for axis in range(3):
        others = tuple(other for other in range(3) if other != axis)
        (hits,) = np.nonzero(mask.any(axis=others))
        if hits.size == 0:
            raise DatasetError(
                "An empty mask has no bounding box.",
                expected="at least one voxel inside the mask",
                got=f"0 of {mask.size} voxels",
            )
        start.append(int(hits[0]))
        stop.append(int(hits[-1]) + 1)
    return (start[0], start[1], start[2]), (stop[0], stop[1], stop[2])


def patient_box(mask: NDArray[np.bool_], grid: Grid) -> tuple[Triple, Triple]:
    """Smallest box along the axes of the patient around the true voxels, which may lie tilted.

    Args:
        mask: Axes (z, y, x), at least one voxel true.
        grid: Of the mask.

    Returns:
        Lowest and highest mm (x, y, z) in LPS of the faces of the voxels.
    """
    rows = mask.any(axis=2)
    first = mask.argmax(axis=2)[rows]
    last = mask.shape[2] - 1 - mask[..., ::-1].argmax(axis=2)[rows]
    z, y = np.nonzero(rows)
    # Of each row of voxels only the two ends can be the farthest.
    ends = np.concatenate([np.column_stack([z, y, x]) for x in (first, last)])
    places = grid.positions(ends.astype(np.float64))
    around = grid.positions(np.eye(3)) - grid.positions(np.zeros(3))
    half = np.abs(around).sum(axis=0) / 2
    low, high = (places.min(axis=0) - half).tolist(), (places.max(axis=0) + half).tolist()
    return (low[0], low[1], low[2]), (high[0], high[1], high[2])


def _brain(brain: NDArray[np.bool_], shape: tuple[int, ...]) -> NDArray[np.bool_]:
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


def _filled(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Fill holes, inside the bounding box only: beyond it there are none."""
    start, stop = bounding_box(mask)
    box = tuple(slice(a, b) for a, b in zip(start, stop, strict=True))
    mask[box] = ndimage.binary_fill_holes(mask[box])
    return mask
