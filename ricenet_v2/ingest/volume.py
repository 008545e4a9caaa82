"""A DICOM series -> voxels on a grid, through highdicom.

highdicom refuses a series without frame of reference, which anonymisers strip: it is given one in
memory, and what is returned says that none is known. What it reads is compared with the grid that
the headers give.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from pydicom.dataset import Dataset as Attributes
from pydicom.uid import ExplicitVRLittleEndian, generate_uid

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image
from ricenet_v2.ingest import reading
from ricenet_v2.ingest.frame_choice import is_enhanced, only_frames
from ricenet_v2.ingest.header import DicomHeader, header_of
from ricenet_v2.ingest.orientation import to_lps
from ricenet_v2.ingest.series import DicomSeries
from ricenet_v2.ingest.stack import Stack
from ricenet_v2.ingest.voxel_claims import check_claim

if TYPE_CHECKING:
    from highdicom import Volume

_WITHIN_MM = 0.1
_TOLERANCES = {"atol": 0.4, "perpendicular_tol": 0.05}
"""Tolerances of highdicom, wider than those in mm of `ingest/stack.py`, which judge before."""
_REMEDY = {
    "gap": "Export the series again with all its slices.",
    "varying spacing": "Export the series again with all its slices, or take another series.",
    "tilt": "Take another series, or correct the tilt with the scanner's software.",
    "duplicate": "Export the series again, or take one of its repetitions.",
    "mosaic": "Export or convert it with one slice in an image, or take another series.",
    "burned-in text": "Take another series: text in voxels may name the patient.",
}


@dataclass(frozen=True)
class ImageVolume:
    """The voxels of a series.

    Attributes:
        voxels: float32, array axes (z, y, x), in the units of the header (HU of CT).
        grid: Where they lie; its axes run near left, posterior, superior.
        frame_of_reference: UID of their coordinate system; empty where it is not known.
        notes: Notes on the reading, in words.
    """

    voxels: Image
    grid: Grid
    frame_of_reference: str = field(repr=False)
    notes: tuple[str, ...] = ()


@reading.quiet()
def read_volume(series: DicomSeries) -> ImageVolume:
    """Read the voxels of a series that is one volume.

    Raises:
        DatasetError: It is no volume at right angles (the text has why), a file changed since its
            header was read, or voxels are missing or damaged.
    """
    stack = series.stack()
    if not isinstance(stack, Stack):
        raise DatasetError(
            f"This series does not form a volume: {stack.kind}.",
            file=series.first.file,
            expected=stack.expected,
            got=stack.got,
            remedy=_REMEDY.get(stack.kind, "Take another series."),
        )
    first = series.first
    grid = stack.grid(first.rows, first.columns, first.spacing)
    notes = _notes(series)
    data = [_checked(header, notes) for header in series.headers]
    if is_enhanced(data[0]) and (len(data) > 1 or first.frames):
        data = [only_frames(data, [header.frames for header in series.headers], first.file)]
    known = _frame_of_reference(data, first.file)
    if not known:
        notes.append("the frame of reference is not known")
    voxels = _through_highdicom(data, known or generate_uid(), grid, first.file)
    voxels, grid = to_lps(voxels, grid)
    return ImageVolume(voxels, grid, known, tuple(dict.fromkeys(notes)))


def _notes(series: DicomSeries) -> list[str]:
    notes = []
    if series.part:
        notes.append(f"part {series.part} of a series split by {', '.join(series.split_by)}")
    if series.copies:
        copies = "1 copy of a file" if series.copies == 1 else f"{series.copies} copies of files"
        notes.append(f"{copies} left out")
    return notes


def _checked(header: DicomHeader, notes: list[str]) -> Attributes:
    """The data set of a file with its voxels in little endian, uncompressed or not."""
    file = header.file
    attributes = reading.read_attributes(file, pixels=True)
    if header_of(attributes, file).of_frames(header.frames) != header:
        raise DatasetError("This file changed since its header was read.", file=file)
    check_claim(attributes, header.n_frames, file)
    if reading.is_big_endian(attributes):
        _recode(attributes, header.n_frames, file)
        notes.append("recoded from big endian")
    return attributes


def _recode(attributes: Attributes, frames: int, file: Path) -> None:
    voxels = reading.voxels_of(attributes, frames, file)
    little = voxels.astype(voxels.dtype.newbyteorder("<"), copy=False)
    attributes.PixelData = little.tobytes()
    attributes.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    attributes.set_original_encoding(is_implicit_vr=False, is_little_endian=True)


def _frame_of_reference(data: Sequence[Attributes], file: Path) -> str:
    uids = {reading.text(attributes, "FrameOfReferenceUID") for attributes in data}
    if len(uids) > 1:
        raise DatasetError(
            "Slices of one series lie in several frames of reference.",
            file=file,
            expected="one FrameOfReferenceUID",
            got=len(uids),
            remedy="Take another series.",
        )
    return uids.pop()


def _through_highdicom(data: list[Attributes], uid: str, grid: Grid, file: Path) -> Image:
    """Voxels in the order of the grid, which is compared with that of highdicom."""
    first = data[0]
    for attributes in data:
        attributes.FrameOfReferenceUID = uid
        if len(data) > 1:
            # Equal within rounding (ingest/series.py); highdicom wants them equal.
            attributes.SeriesInstanceUID = reading.text(first, "SeriesInstanceUID") or uid
            attributes.ImageOrientationPatient = first.ImageOrientationPatient
            attributes.PixelSpacing = first.PixelSpacing
    what = "The voxels of this series cannot be decoded."
    with reading.in_words(what, file, "Export the series again, uncompressed."):
        volume = _volume(data)
        affine, array = np.asarray(volume.affine), np.asarray(volume.array)
    return _in_order(array, affine, grid, file)


def _volume(data: list[Attributes]) -> Volume:
    import highdicom

    chosen: dict[str, Any] = {
        "dtype": np.float32,
        # Values of the scanner (HU of CT), neither those of a display nor of another map.
        "apply_real_world_transform": False,
        "apply_modality_transform": None,
        "apply_voi_transform": False,
        "apply_presentation_lut": False,
        **_TOLERANCES,
    }
    if len(data) == 1:
        # What they say was used to split the series; scanners write them with gaps, or not at all.
        data[0].DimensionIndexSequence = []
        image = highdicom.Image.from_dataset(data[0], copy=False)
        return image.get_volume(**chosen)
    return highdicom.get_volume_from_series(data, **chosen)


def _in_order(array: Image, affine: Any, grid: Grid, file: Path) -> Image:
    """The array, with its slices turned about where they run against the grid's."""
    if array.shape == grid.shape:
        for voxels, first in ((array, 0), (array[::-1], len(array) - 1)):
            last = len(array) - 1 - first
            corners = [(first, 0, 0), (last, *(n - 1 for n in grid.shape[1:]))]
            ends = [(0.0, 0.0, 0.0), tuple(n - 1.0 for n in grid.shape)]
            apart = [
                np.linalg.norm(affine[:3, :3] @ corner + affine[:3, 3] - grid.world(end))  # type: ignore[arg-type]
                for corner, end in zip(corners, ends, strict=True)
            ]
            if max(apart) <= _WITHIN_MM * 2:
                return voxels
    raise DatasetError(
        "Two readers put the voxels of this series in different places.",
        file=file,
        expected=f"{grid.shape} voxels, corners within {2 * _WITHIN_MM} mm",
        got=f"{array.shape} voxels",
        remedy="Take another series, and report this one without its patient.",
    )
