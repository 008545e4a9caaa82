"""Frames of enhanced objects that make a volume, as one object of those alone."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset as Attributes
from pydicom.uid import ExplicitVRLittleEndian

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest import reading

_FRAMES = "PerFrameFunctionalGroupsSequence"
_SHARED = "SharedFunctionalGroupsSequence"


def is_enhanced(attributes: Attributes) -> bool:
    """Whether attributes of an object stand in functional groups."""
    return bool(reading.items(attributes, _FRAMES))


def only_frames(
    data: Sequence[Attributes], chosen: Sequence[Sequence[int]], file: Path
) -> Attributes:
    """One object of some frames of one or more.

    Args:
        data: Objects with voxels in little endian; the first is changed into the result.
        chosen: Indices of the frames of each; all where there are none.
        file: File for messages.

    Raises:
        DatasetError: Voxels cannot be decoded, or are of several sizes or types.
    """
    groups, voxels = [], []
    for attributes, indices in zip(data, chosen, strict=True):
        frames = reading.items(attributes, _FRAMES)
        shared = reading.items(attributes, _SHARED)[:1]
        stored = reading.voxels_of(attributes, len(frames), file)
        places = list(indices or range(len(frames)))
        voxels.append(stored[places])
        groups += [_with_shared(frames[at], shared) for at in places]
    if len({(each.shape[1:], each.dtype) for each in voxels}) > 1:
        raise DatasetError(
            "Files of one volume have voxels of several sizes or types.",
            file=file,
            expected="one number of rows and columns, and one type",
            remedy="Export the series again.",
        )
    first = data[0]
    setattr(first, _FRAMES, groups)
    setattr(first, _SHARED, [Attributes()])
    first.NumberOfFrames = len(groups)
    first.PixelData = np.concatenate(voxels).tobytes()
    first["PixelData"].VR = "OB" if voxels[0].dtype.itemsize == 1 else "OW"
    first.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    return first


def _with_shared(frame: Attributes, shared: Sequence[Attributes]) -> Attributes:
    whole = copy(frame)
    for group in shared:
        for element in group:
            if element.tag not in whole:
                whole.add(element)
    return whole
