"""Does a header say how the voxels lie in the patient? ITK assumes something where it does not.

Of NIfTI, where programs assume different things, `store.nifti_pose` refuses such a header.
"""

from __future__ import annotations

import re
from pathlib import Path

from ricenet_v2.fingerprinting.findings import Place, warning
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.image_files import LONGEST_HEADER, format_of, head

NAME = "no position"


def check_position(path: Path, place: Place) -> list[Finding]:
    """A warning where nothing in the header tells left from right, front from back.

    Looks at NRRD and MetaImage.

    Args:
        path: An image that `read_image` reads.
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
    kind = format_of(path)
    if kind == "nrrd":
        header = _header(path).replace(b"\r\n", b"\n").partition(b"\n\n")[0]
        is_there = b"\nspace directions:" in header and b"\nspace:" in header
        return "" if is_there else "neither space nor space directions"
    if kind == "meta":
        header = _header(path).partition(b"ElementDataFile")[0]
        matrix = re.search(rb"(?m)^(TransformMatrix|Rotation|Orientation)\b", header)
        return "" if matrix else "no TransformMatrix"
    return ""


def _header(path: Path) -> bytes:
    return head(path, LONGEST_HEADER)
