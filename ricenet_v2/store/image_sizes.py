"""Whether the files of an image can hold what its header claims; judged before voxels are read.

A header of a kilobyte can claim any size, and a reader would take the memory first. What is stored
is judged, not what it is read as: ITK scales whole numbers to floating ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import SimpleITK as sitk

from ricenet_v2.store import image_files
from ricenet_v2.store.meta_header import flag
from ricenet_v2.store.sizes import DEFLATE, check_size
from ricenet_v2.store.text_headers import head, meta_header, nrrd_header

_GZIP = b"\x1f\x8b"
_NIFTI_BYTES = {
    code: size
    for size, codes in {1: (2, 256), 2: (4, 512), 4: (8, 16, 768), 8: (64, 1024, 1280)}.items()
    for code in codes
}
"""Bytes of the number formats of NIfTI-1, https://nifti.nimh.nih.gov, without colours."""
NRRD_RATIOS = {
    "raw": 1,
    **dict.fromkeys(("gz", "gzip"), DEFLATE),
}
"""Encodings of NRRD that are read, and how many bytes one of theirs can stand for. Not bzip2: 46
bytes hold 45,899,235 equal ones, and ITK takes the memory before it says that it cannot read it."""


@dataclass(frozen=True)
class Claim:
    """Claims of a header on its voxels.

    Attributes:
        numbers: Bytes that they take where nothing is compressed.
        files: Files in which they lie.
        ratio: Bytes that one of these files can stand for, at most; 1 where none is compressed.
    """

    numbers: int
    files: tuple[Path, ...]
    ratio: int


def checked_claim(path: Path, reader: sitk.ImageFileReader) -> Claim:
    """Claims of a header; refused if the files of the image are too short for it.

    Args:
        path: Path of the image.
        reader: Reader that has read its header.

    Raises:
        ValueError: In words.
        OSError: A file cannot be read.
    """
    claim = claim_of(path, reader)
    check_size(claim.numbers, sum(file.stat().st_size for file in claim.files), claim.ratio)
    return claim


def claim_of(path: Path, reader: sitk.ImageFileReader) -> Claim:
    """Claims of a header, whether or not they can be true.

    Args:
        path: Path of the image.
        reader: Reader that has read its header.

    Raises:
        ValueError: In words: its file of voxels is missing or elsewhere, or they are text.
    """
    kind = image_files.format_of(path)
    if kind == "nifti":
        return _nifti(reader, (path,))
    if kind == "nifti pair":
        return _nifti(reader, image_files.pair(path))
    if kind == "meta":
        fields = meta_header(path).fields
        file = image_files.data_file(path, fields["ElementDataFile"])
        return Claim(_bytes(reader, _read_bytes(reader)), (file,), meta_ratio(fields))
    fields = nrrd_header(path).fields
    file = image_files.nrrd_data_file(path, fields)
    return Claim(_bytes(reader, _read_bytes(reader)), (file,), nrrd_ratio(fields))


def meta_ratio(fields: dict[str, str]) -> int:
    """Most bytes of voxels for a byte of the file, by a MetaImage header.

    Raises:
        ValueError: The voxels are written as text.
    """
    if not flag(fields, "BinaryData", default=True):
        raise ValueError("its voxels are written as text (BinaryData = False), expected binary")
    return DEFLATE if flag(fields, "CompressedData") else 1


def nrrd_ratio(fields: dict[str, str]) -> int:
    """Most bytes of voxels for a byte of the file, by a NRRD header.

    Raises:
        ValueError: The encoding is none of `NRRD_RATIOS`.
    """
    encoding = fields.get("encoding", "").lower()
    if encoding in ("bz2", "bzip2"):
        raise ValueError("its voxels are compressed with bzip2, expected gzip: convert it")
    if encoding not in NRRD_RATIOS:
        raise ValueError(f"its encoding is {encoding!r}, expected {', '.join(NRRD_RATIOS)}")
    return NRRD_RATIOS[encoding]


def _nifti(reader: sitk.ImageFileReader, files: tuple[Path, ...]) -> Claim:
    is_packed = any(head(file, 2) == _GZIP for file in files)
    code = reader.GetMetaData("datatype") if reader.HasMetaDataKey("datatype") else ""
    each = _NIFTI_BYTES.get(int(code)) if code.isdecimal() else None
    return Claim(_bytes(reader, each or _read_bytes(reader)), files, DEFLATE if is_packed else 1)


def _bytes(reader: sitk.ImageFileReader, each: int) -> int:
    numbers: int = math.prod(reader.GetSize()) * reader.GetNumberOfComponents()
    return numbers * each


def _read_bytes(reader: sitk.ImageFileReader) -> int:
    kind = reader.GetPixelID()
    if kind == sitk.sitkUnknown:
        return 1
    size: int = sitk.Image([1, 1], kind).GetSizeOfPixelComponent()
    return size
