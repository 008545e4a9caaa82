"""Whether the files of an image can hold what its header claims; judged before voxels are read.

A header of a kilobyte can claim any size, and a reader would take the memory first. What is stored
is judged, not what it is read as: ITK scales whole numbers to floating ones.
"""

from __future__ import annotations

import math
import os
from pathlib import Path

import SimpleITK as sitk

from ricenet_v2.store.sizes import DEFLATE, UNKNOWN, check_size

_NIFTI = (".nii", ".nii.gz", ".nia", ".hdr", ".img", ".img.gz")
_PAIR = (".hdr", ".img", ".img.gz", ".hdr.gz")
_META, _NRRD = (".mha", ".mhd"), (".nrrd", ".nhdr")
_GZIP = b"\x1f\x8b"
_NIFTI_BYTES = {
    code: size
    for size, codes in {1: (2, 256), 2: (4, 512), 4: (8, 16, 768), 8: (64, 1024, 1280)}.items()
    for code in codes
}
"""Of the number formats of NIfTI-1, https://nifti.nimh.nih.gov; colours and others are not here."""
_NRRD_RATIOS = {
    "raw": 1,
    "hex": 1,
    **dict.fromkeys(("gz", "gzip"), DEFLATE),
}
_BZIP2 = ("bz2", "bzip2")
"""46 bytes hold 45,899,235 equal ones, and ITK takes the memory before it says that it is built
without bzip2."""
_DIGITS = 8
"""Bytes of a number that one character of text can stand for, at most."""
_COMPRESSED_DICOM = tuple(
    f"1.2.840.10008.1.2.{name}".encode() for name in ("1.99", "4.", "5", "7.", "8.")
)
"""Beginnings of transfer syntaxes (DICOM PS3.5, annex A): deflated, JPEG, RLE, video, others."""
_LONGEST_HEADER = 1 << 20


def check_claim(path: Path, reader: sitk.ImageFileReader) -> None:
    """Refuse an image whose files are too short for what its header claims.

    Args:
        path: Of the image.
        reader: That has read its header.

    Raises:
        ValueError: In words.
        OSError: A file cannot be read.
    """
    ending = path.name.lower()
    if ending.endswith(_PAIR):
        _check(reader, _pair(path), _ratio_of(_pair(path)), _nifti_bytes(reader))
    elif ending.endswith(_NIFTI):
        _check(reader, [path], _ratio_of([path]), _nifti_bytes(reader))
    elif ending.endswith(_META):
        fields = _fields(path, "=", "elementdatafile")
        _check(reader, [_data_file(path, fields.get("elementdatafile", ""))], _meta_ratio(fields))
    elif ending.endswith(_NRRD):
        fields = _fields(path, ":", "")
        named = fields.get("data file", fields.get("datafile", "LOCAL"))
        encoding = fields.get("encoding", "").lower()
        if encoding in _BZIP2:
            raise ValueError("its voxels are compressed with bzip2, expected gzip: convert it")
        _check(reader, [_data_file(path, named)], _NRRD_RATIOS.get(encoding, _DIGITS))
    elif (head := _head(path))[128:132] == b"DICM":
        ratio = UNKNOWN if any(name in head for name in _COMPRESSED_DICOM) else 1
        _check(reader, [path], ratio, _dicom_bytes(reader))
    else:
        _check(reader, [path], UNKNOWN)


def _check(
    reader: sitk.ImageFileReader, files: list[Path], ratio: int, each: int | None = None
) -> None:
    """Args: each: Bytes of a stored number; those of the number that is read where None."""
    numbers = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    size = _read_bytes(reader) if each is None else each
    check_size(numbers * size, sum(file.stat().st_size for file in files), ratio)


def _read_bytes(reader: sitk.ImageFileReader) -> int:
    kind = reader.GetPixelID()
    return (
        1 if kind == sitk.sitkUnknown else int(sitk.Image([1, 1], kind).GetSizeOfPixelComponent())
    )


def _nifti_bytes(reader: sitk.ImageFileReader) -> int | None:
    code = reader.GetMetaData("datatype") if reader.HasMetaDataKey("datatype") else ""
    return _NIFTI_BYTES.get(int(code)) if code.isdecimal() else None


def _dicom_bytes(reader: sitk.ImageFileReader) -> int | None:
    tag = "0028|0100"  # bits allocated
    bits = reader.GetMetaData(tag).strip() if reader.HasMetaDataKey(tag) else ""
    return max(1, int(bits) // 8) if bits.isdecimal() else None


def _pair(path: Path) -> list[Path]:
    stem = path.name[: -len(next(e for e in _PAIR if path.name.lower().endswith(e)))]
    found = [path.with_name(stem + e) for e in (*_PAIR, *(e.upper() for e in _PAIR))]
    return [one for one in found if one.is_file()]


def _ratio_of(files: list[Path]) -> int:
    return DEFLATE if any(_head(file, 2) == _GZIP for file in files) else 1


def _head(path: Path, n: int = 4096) -> bytes:
    with path.open("rb") as stream:
        return stream.read(n)


def _fields(path: Path, sign: str, last: str) -> dict[str, str]:
    """Lines `name sign value` of a header of text, names in small letters, up to its end.

    Args:
        path: Begins with the header.
        sign: Between name and value; with `=` behind it, the line is a remark.
        last: Name of the last line; empty where the header ends with an empty line.
    """
    found: dict[str, str] = {}
    for line in _head(path, _LONGEST_HEADER).split(b"\n"):
        name, _, value = line.decode("latin-1").strip().partition(sign)
        name = name.strip().lower()
        if not value.startswith("="):
            found.setdefault(name, value.strip())
        if name == last:
            break
    return found


def _meta_ratio(fields: dict[str, str]) -> int:
    if fields.get("compresseddata", "").lower().startswith("t"):
        return DEFLATE
    return _DIGITS if fields.get("binarydata", "true").lower().startswith("f") else 1


def _data_file(header: Path, named: str) -> Path:
    """The file of the voxels, which lies beside the header or below its folder.

    Raises:
        ValueError: It lies elsewhere, is no file, or there are several.
    """
    if named.upper() == "LOCAL":
        return header
    if not named or named.upper().startswith("LIST") or "%" in named:
        raise ValueError(f"it names several files of voxels ({named!r}), expected one: convert it")
    relative = os.path.normpath(named)
    if Path(relative).is_absolute() or relative.startswith("..") or "\\" in named:
        raise ValueError(f"its file of voxels, {named!r}, does not lie beside it")
    if not (header.parent / relative).is_file():
        raise ValueError(f"its file of voxels, {named!r}, is not there")
    return header.parent / relative
