"""Fields of a NRRD header that ITK ignores. Format: https://teem.sourceforge.net/nrrd."""

from __future__ import annotations

import re
from pathlib import Path

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.store.text_headers import TextHeader

_OF_THE_PATIENT = (
    *("right-anterior-superior", "left-anterior-superior", "left-posterior-superior"),
    *("ras", "las", "lps"),
)
_MM = ("", "?", "???", "mm", "millimeter", "millimeters", "millimetre", "millimetres")


def check_nrrd(header: TextHeader, path: Path) -> None:
    """Refuse a header of which ITK does not do what it says.

    Raises:
        ValueError: Its voxels begin elsewhere; in words.
        DatasetError: Its voxels are meant to be scaled.
        GeometryError: Its space is not that of a patient, or its lengths are not in mm.
    """
    fields = header.fields
    for name in ("line skip", "byte skip"):
        skip = fields.get(_key(name), "0")
        if skip != "0":
            raise ValueError(
                f"its header skips a part of the voxels ({name}: {skip}), expected voxels "
                "that begin right behind the header or at the start of their file: convert it"
            )
    for name in ("old min", "old max"):
        if _key(name) in fields:
            raise DatasetError(
                "Programs read other voxels from this header.",
                file=path,
                expected="a header without old min and old max",
                got=f"{name}: {fields[_key(name)]}",
                remedy="Some programs scale the voxels by these fields, others do not. Store the "
                "scaled voxels, and take the fields out.",
            )
    _check_space(fields.get("space", ""), path)
    for name in ("space units", "units"):
        units = re.findall(r'"([^"]*)"', fields.get(_key(name), ""))
        if any(unit.strip().lower() not in _MM for unit in units):
            raise GeometryError(
                "The lengths of this image are not in mm.",
                file=path,
                expected='"mm" for each axis',
                got=f"{name}: {fields[_key(name)]}",
                remedy="Programs read the numbers as mm whatever this field says. Write space "
                'directions and space origin in mm, and the units as "mm".',
            )


def _key(name: str) -> str:
    return name.replace(" ", "")


def _check_space(space: str, path: Path) -> None:
    if space and space.lower() not in _OF_THE_PATIENT:
        raise GeometryError(
            "The header of this image does not define its orientation in the patient.",
            file=path,
            expected="space: left-posterior-superior, or another one of the patient",
            got=f"space: {space}",
            remedy="Programs take its axes for those of the patient, and left and right may be "
            "exchanged. Convert the scan from DICOM again. If you know that its axes run to the "
            "left, the back and the head, write left-posterior-superior.",
        )
