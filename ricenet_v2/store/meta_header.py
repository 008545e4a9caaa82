"""Fields of a MetaImage header that ITK ignores, assumes or reads in another way.

Fields: https://itk.org/Wiki/ITK/MetaIO/Documentation. Judged before ITK opens the file, since its
library MetaIO writes to stderr by itself, and 99 axes corrupt its memory.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.types import Floats
from ricenet_v2.store.axes import orientation_of
from ricenet_v2.store.image_files import data_file
from ricenet_v2.store.text_headers import TextHeader

MATRICES = ("TransformMatrix", "Rotation", "Orientation")
ORIGINS = ("Offset", "Position", "Origin")
"""Names of the same field; MetaIO takes one of them."""
_BYTE_ORDERS = ("BinaryDataByteOrderMSB", "ElementByteOrderMSB")
_SPACINGS = ("ElementSpacing", "ElementSize")
_NEEDED = ("NDims", "DimSize", "ElementType", "ElementDataFile")
_UNKNOWN_UNIT = ("", "?", "mm")
_FLAGS = {"true": True, "t": True, "1": True, "false": False, "f": False, "0": False}
_MOST_VOXELS = 2**31 - 1
_CLOSE = 1e-3
_OPPOSITE = str.maketrans("LRPASI", "RLAPIS")
_BY_CONVERTING = "Convert the scan from DICOM again, or"


def check_meta(header: TextHeader, path: Path) -> None:
    """Refuse a header of which programs make different images, and one that cannot be read.

    Raises:
        ValueError: A field is missing or is no value of its kind; in words.
        DatasetError: Not three axes, or voxels that are meant to be scaled.
        GeometryError: The size or the position of a voxel is missing or given in two ways.
        OSError: The file of voxels cannot be read.
    """
    fields = header.fields
    _check_needed(fields, path)
    if fields.get("HeaderSize", "0") != "0":
        raise ValueError(
            f"HeaderSize is {fields['HeaderSize']}, expected voxels that begin right behind the "
            "header or at the start of their file: convert it"
        )
    flag(fields, "BinaryData")
    orders = [flag(fields, name) for name in _BYTE_ORDERS if name in fields]
    if len(set(orders)) > 1:
        raise ValueError(f"{' and '.join(_BYTE_ORDERS)} contradict each other")
    _check_scale(fields, path)
    _check_spacing(fields, path)
    _check_equal(fields, MATRICES, 9, path)
    _check_equal(fields, ORIGINS, 3, path)
    if flag(fields, "CompressedData"):
        _check_length(header, path)


def flag(fields: dict[str, str], name: str, default: bool = False) -> bool:
    """A field that is true or false.

    Raises:
        ValueError: It is neither.
    """
    text = fields.get(name, str(default)).lower()
    if text not in _FLAGS:
        raise ValueError(f"{name} is {text!r}, expected True or False")
    return _FLAGS[text]


def check_directions(fields: dict[str, str], directions: Floats, path: Path) -> None:
    """Refuse axes that are scaled, or named otherwise than they run.

    Args:
        fields: Fields of the header.
        directions: Columns are world directions in LPS as ITK reads them, shape (3, 3).
        path: Path for messages.

    Raises:
        GeometryError: The text has both.
    """
    lengths = np.linalg.norm(directions, axis=0)
    if np.abs(lengths - 1).max() > _CLOSE:
        raise GeometryError(
            "The axes of this image have another length than 1.",
            file=path,
            expected="a TransformMatrix of directions, each of length 1",
            got=f"lengths {' x '.join(f'{length:.4g}' for length in lengths)}",
            remedy="Some programs multiply them with ElementSpacing, others do not. "
            f"{_BY_CONVERTING} write the size of a voxel into ElementSpacing alone.",
        )
    named = fields.get("AnatomicalOrientation", "").upper()
    if not re.fullmatch("[LRAPSI]{3}", named):  # `???`: not said
        return
    towards = orientation_of(directions.ravel().tolist())
    runs = towards.translate(_OPPOSITE)  # MetaImage names where an axis comes from
    if named != runs:
        raise GeometryError(
            "This header contains two conflicting orientations.",
            file=path,
            expected=f"AnatomicalOrientation = {runs}, as TransformMatrix says",
            got=f"AnatomicalOrientation = {named}",
            remedy="Find out which one is right: left and right may be exchanged. "
            f"{_BY_CONVERTING} correct the wrong one.",
        )


def _check_needed(fields: dict[str, str], path: Path) -> None:
    for name in _NEEDED:
        if not fields.get(name):
            raise ValueError(f"its header has no {name}")
    names = list(fields)
    if names.index("NDims") > min(names.index(x) for x in fields if x in _BEHIND_NDIMS):
        raise ValueError("NDims comes after fields that need it")
    if fields["NDims"] != "3":
        raise DatasetError(
            "An image must have three axes and one component.",
            file=path,
            expected="3 axes, 1 component",
            got=f"{fields['NDims'][:20]} axes",
            remedy="Save each time point or component as a channel of its own.",
        )
    sizes = _numbers(fields, "DimSize", 3)
    if not all(1 <= size <= _MOST_VOXELS and size == int(size) for size in sizes):
        raise ValueError(f"DimSize is {fields['DimSize']!r}, expected three whole numbers above 0")


_BEHIND_NDIMS = (*MATRICES, *ORIGINS, *_SPACINGS, "DimSize", "CenterOfRotation")


def _numbers(fields: dict[str, str], name: str, count: int) -> Floats:
    try:
        numbers = np.array([float(text) for text in fields[name].split()])
    except ValueError:
        numbers = np.array([])
    if len(numbers) != count or not np.isfinite(numbers).all():
        raise ValueError(f"{name} is {fields[name][:60]!r}, expected {count} numbers")
    return numbers


def _check_scale(fields: dict[str, str], path: Path) -> None:
    """ITK does not scale voxels by these fields, other programs do."""
    for part, usual in (("Slope", 1.0), ("Offset", 0.0)):
        name = f"ElementToIntensityFunction{part}"
        if name in fields and _numbers(fields, name, 1)[0] != usual:
            raise DatasetError(
                "Programs read other voxels from this header.",
                file=path,
                expected=f"{name} = {usual:g}, or without this field",
                got=f"{name} = {fields[name]}",
                remedy="Some programs scale the voxels by it, others do not. Store the scaled "
                "voxels, and take the field out.",
            )


def _check_spacing(fields: dict[str, str], path: Path) -> None:
    unit = fields.get("DistanceUnits", "")
    if unit.lower() not in _UNKNOWN_UNIT:
        raise GeometryError(
            "The lengths of this image are not in mm.",
            file=path,
            expected="DistanceUnits = mm",
            got=f"DistanceUnits = {unit}",
            remedy="Programs read the numbers as mm whatever this field says. Write ElementSpacing "
            "and Offset in mm, and set DistanceUnits to mm.",
        )
    name = next((name for name in _SPACINGS if name in fields), "")
    if not name or not (_numbers(fields, name, 3) > 0).all():
        raise GeometryError(
            "The header of this image does not define the voxel size.",
            file=path,
            expected="ElementSpacing = three sizes in mm, each above 0",
            got=f"{name} = {fields[name]}" if name else "no ElementSpacing",
            remedy="Programs take 1 mm, or mirror the image. "
            f"{_BY_CONVERTING} write the size in mm without sign into ElementSpacing.",
        )


def _check_equal(fields: dict[str, str], names: tuple[str, ...], count: int, path: Path) -> None:
    values = {name: _numbers(fields, name, count) for name in names if name in fields}
    first = next(iter(values), "")
    for name, value in values.items():
        if np.abs(value - values[first]).max() > _CLOSE:
            raise GeometryError(
                "This header contains two conflicting orientations.",
                file=path,
                expected=f"{first} = {fields[first]}, and {name} the same or left out",
                got=f"{name} = {fields[name]}",
                remedy="Programs differ in which one they believe. "
                f"{_BY_CONVERTING} delete the wrong one.",
            )


def _check_length(header: TextHeader, path: Path) -> None:
    """ITK unpacks this many bytes of compressed voxels, and leaves the others as they are."""
    file = data_file(path, header.fields["ElementDataFile"])
    n_bytes = file.stat().st_size - (header.end or 0 if file == path else 0)
    size = header.fields.get("CompressedDataSize", "")
    if not size or _numbers(header.fields, "CompressedDataSize", 1)[0] != n_bytes:
        raise ValueError(
            f"CompressedDataSize is {size or 'missing'}, and {n_bytes} bytes of compressed voxels "
            "are there"
        )
