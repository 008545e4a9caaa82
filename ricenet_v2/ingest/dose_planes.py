"""Positions of the planes of an RTDOSE file, by PS3.3 C.8.8.3.2.

Offsets run along row x column from the position of the first plane. Two forms are legal: the first
offset is 0, or, of an upright dose only, the z of the position; offsets less the first one are
right in both.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Floats
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.stack import StackFault, axes_of

UPRIGHT = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0)
_SAME_MM = 0.01
_SAME_COSINE = 1e-4


def plane_positions(attributes: Attributes, file: Path) -> tuple[Floats, Floats]:
    """Position of each plane of a dose.

    Args:
        attributes: Attributes of an RTDOSE.
        file: File for messages.

    Returns:
        Positions (x, y, z) in LPS mm of the first voxel of each plane, shape (planes, 3), and the
        cosines of row and column, shape (6,).

    Raises:
        DatasetError: The header does not say it without doubt.
    """
    frames = reading.integer(attributes, "NumberOfFrames") or 1
    position = np.array(reading.numbers(attributes, "ImagePositionPatient", 3))
    orientation = np.array(reading.numbers(attributes, "ImageOrientationPatient", 6))
    if not (position.size and orientation.size):
        raise DatasetError(
            "This dose has no patient position.",
            file=file,
            expected="ImagePositionPatient of 3 and ImageOrientationPatient of 6 numbers",
            got=f"{position.size} and {orientation.size}",
            remedy="Export it again.",
        )
    axes = axes_of(orientation)
    if isinstance(axes, StackFault):
        raise DatasetError(
            "The axes of this dose are not at right angles.",
            file=file,
            expected=axes.expected,
            got=axes.got,
            remedy="Export it again.",
        )
    if frames == 1:
        _check_single(attributes, file)
        return position[None], orientation
    offsets = _offsets(attributes, frames, file)
    is_upright = bool(np.abs(orientation - UPRIGHT).max() <= _SAME_COSINE)
    if abs(offsets[0]) > _SAME_MM and not (
        is_upright and abs(offsets[0] - position[2]) <= _SAME_MM
    ):
        raise DatasetError(
            "The position of the planes of this dose is ambiguous.",
            file=file,
            expected="a GridFrameOffsetVector that begins with 0, or, where the orientation is "
            "1\\0\\0\\0\\1\\0, with the z of ImagePositionPatient",
            got=f"a first offset of {offsets[0]:.4g} mm, "
            f"{'z of another value' if is_upright else 'another orientation'}",
            remedy="Export the dose again on an upright grid, or with relative offsets.",
        )
    return position + np.outer(offsets - offsets[0], axes[2]), orientation


def _offsets(attributes: Attributes, frames: int, file: Path) -> Floats:
    offsets = np.array(reading.numbers(attributes, "GridFrameOffsetVector"))
    if len(offsets) != frames:
        raise DatasetError(
            "The position of the planes of this dose cannot be determined.",
            file=file,
            expected=f"a GridFrameOffsetVector of {frames} numbers, one for each frame",
            got=f"{len(offsets)} numbers",
            remedy="Export the dose again.",
        )
    return offsets


def _check_single(attributes: Attributes, file: Path) -> None:
    n_offsets = len(reading.numbers(attributes, "GridFrameOffsetVector"))
    if n_offsets > 1:
        raise DatasetError(
            "The position of the planes of this dose cannot be determined.",
            file=file,
            expected="one frame for each number of the GridFrameOffsetVector",
            got=f"1 frame, {n_offsets} numbers: frames are missing",
            remedy="Export the dose again.",
        )
