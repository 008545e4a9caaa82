"""Does a header say how the voxels lie in the patient? ITK assumes something where it does not."""

from __future__ import annotations

import gzip
import re
import struct
from pathlib import Path

from ricenet_v2.fingerprinting.findings import Place, warning
from ricenet_v2.records.integrity import Finding

NAME = "no position"
_HEADER_BYTES = 1 << 14
_NIFTI_CODES = {348: ("2h", 252), 540: ("2i", 344)}
_ENDINGS = ("nii", "nii.gz", "hdr", "img", "nrrd", "nhdr", "mha", "mhd")


def check_position(path: Path, place: Place) -> list[Finding]:
    """A warning where nothing in the header tells left from right, front from back.

    Looks at NIfTI and Analyze, NRRD and MetaImage; of other formats nothing is known here.

    Args:
        path: A file that ITK can open.
        place: Case and file.
    """
    missing = _missing(path)
    if not missing:
        return []
    return [
        warning(
            NAME,
            place,
            found=f"the header has {missing}",
            expected="a header that says where left and right, front and back, head and feet are",
            remedy="It is taken for granted that the first axis runs from right to left, the "
            "second from front to back and the third from the feet to the head. The file cannot "
            "tell whether that is so, and other programs assume other axes, so left and right may "
            "be exchanged. Convert the scan from DICOM again, or write its pose into the header.",
        )
    ]


def _missing(path: Path) -> str:
    """What of a position the header lacks, in words; nothing where it has one."""
    name = path.name.lower()
    if not name.endswith(tuple(f".{ending}" for ending in _ENDINGS)):
        return ""
    header = _header(path.with_suffix(".hdr") if name.endswith(".img") else path)
    if name.endswith((".nrrd", ".nhdr")):
        is_there = b"\nspace directions:" in header and b"\nspace:" in header
        return "" if is_there or not header else "neither space nor space directions"
    if name.endswith((".mha", ".mhd")):
        matrix = re.search(rb"(?m)^(TransformMatrix|Rotation|Orientation)\b", header)
        return "" if not header or matrix else "no TransformMatrix"
    return _nifti(header)


def _header(path: Path) -> bytes:
    """The first bytes, unpacked; up to the blank line that ends the text of NRRD."""
    try:
        with path.open("rb") as stream:
            is_packed = stream.read(2) == b"\x1f\x8b"
        with gzip.open(path, "rb") if is_packed else path.open("rb") as stream:
            header = stream.read(_HEADER_BYTES)
    except Exception:  # noqa: BLE001 - whatever a file holds
        return b""  # such a file is found as a fault of its own
    if header.startswith(b"NRRD"):
        return header.replace(b"\r\n", b"\n").partition(b"\n\n")[0]
    if header.startswith(b"ObjectType"):
        return header.partition(b"ElementDataFile")[0]
    return header


def _nifti(header: bytes) -> str:
    for order in "<>":
        if len(header) < min(_NIFTI_CODES):
            return ""
        (size,) = struct.unpack_from(f"{order}i", header, 0)
        if size not in _NIFTI_CODES or len(header) < size:
            continue
        if size == 348 and header[344:347] not in (b"n+1", b"ni1"):
            return "no orientation: Analyze files have none that programs agree on"
        form, start = _NIFTI_CODES[size]
        qform, sform = struct.unpack_from(order + form, header, start)
        return "neither a qform nor an sform (both codes are 0)" if max(qform, sform) < 1 else ""
    return ""
