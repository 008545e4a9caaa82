"""Does a header say how the voxels lie in the patient? ITK assumes something where it does not.

Of NIfTI, where programs assume different things, `store.nifti_pose` refuses such a header.
"""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.fingerprinting.findings import Place, warning
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.image_files import format_of
from ricenet_v2.store.meta_header import MATRICES, ORIGINS
from ricenet_v2.store.readers import reader_of
from ricenet_v2.store.text_headers import meta_header, nrrd_header

NAME = "no position"
_NO_AXES = (
    "It is taken for granted that the first axis runs from right to left, the second from front to "
    "back and the third from the feet to the head. The file does not say whether that is so, and "
    "other programs assume other axes, so left and right may be exchanged. Convert the scan from "
    "DICOM again, or write its pose into the header."
)
_NO_ORIGIN = (
    "The first voxel is taken to lie at 0, 0, 0 mm. Whether the images of a patient overlie each "
    "other is then unknown. Convert the scan from DICOM again, or write the position of the "
    "first voxel into the header."
)


def check_position(path: Path, place: Place) -> list[Finding]:
    """A warning where a header of NRRD or MetaImage leaves the position of the image open.

    Nothing in it distinguishes left from right, or says where the first voxel lies.

    Args:
        path: An image that `read_image` reads.
        place: Case and file.
    """
    if reader_of(path):
        return []  # the reader of another package says where an image lies, or fails
    axes, origin = _missing(path)
    if axes:
        expected = "a header that says where left and right, front and back, head and feet are"
        return [
            warning(NAME, place, found=f"the header has {axes}", expected=expected, remedy=_NO_AXES)
        ]
    if origin:
        expected = "a header that says where the first voxel lies"
        return [
            warning(
                NAME, place, found=f"the header has {origin}", expected=expected, remedy=_NO_ORIGIN
            )
        ]
    return []


def _missing(path: Path) -> tuple[str, str]:
    """Missing axes or position of the first voxel in the header, in words."""
    kind = format_of(path)
    if kind == "nrrd":
        names = nrrd_header(path).fields.keys()
        has_axes, has_origin = {"space", "spacedirections"} <= names, "spaceorigin" in names
        axes, origin = "neither space nor space directions", "no space origin"
    elif kind == "meta":
        names = meta_header(path).fields.keys()
        has_axes, has_origin = bool(names & set(MATRICES)), bool(names & set(ORIGINS))
        axes, origin = "no TransformMatrix", "no Offset"
    else:
        return "", ""
    return "" if has_axes else axes, "" if has_origin else origin
