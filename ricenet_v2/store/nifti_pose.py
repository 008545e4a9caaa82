"""Pose of a NIfTI header by the standard; what programs read differently is refused.

Formulas: nifti1.h, methods 2 (qform) and 3 (sform), https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import itertools
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import TOLERANCE_MM, Grid
from ricenet_v2.store.axes import check_right_angles
from ricenet_v2.store.nifti import NiftiHeader

_UNIT = 1e-3
_SHEARED_FROM = 0.005
"""Degrees; from about here on ITK refuses an sform."""
_BY_CONVERTING = "Convert the scan from DICOM again"
_TO_LPS = np.array([-1.0, -1.0, 1.0])
Matrix = NDArray[np.float64]


def check_header(header: NiftiHeader, file: Path) -> None:
    """Refuse a header of which programs make different images.

    Args:
        header: Header of an image of three axes; others are not checked here.
        file: File for messages.

    Raises:
        DatasetError: It is no NIfTI, or its voxels may be scaled in two ways.
        GeometryError: Its voxels may lie in two ways, or at no right angles.
    """
    if not header.is_nifti:
        raise DatasetError(
            "This is an Analyze file, which has no orientation that programs agree on.",
            file=file,
            expected="a NIfTI header, with n+1 or ni1 in its field magic",
            remedy=f"{_BY_CONVERTING}, to .nii.gz.",
        )
    _check_scale(*header.scale, file)
    if header.n_axes == 3:
        _check_pose(header, file)


def check_grid(header: NiftiHeader, grid: Grid, file: Path) -> None:
    """Refuse an image that the reader puts elsewhere than the standard does.

    Args:
        header: Checked by `check_header`.
        grid: Grid as read by ITK, before reorientation.
        file: File for messages.

    Raises:
        GeometryError: The text has the distance.
    """
    steps = np.reshape(grid.direction, (3, 3)) * np.array(grid.spacing[::-1])
    affine = np.column_stack([steps, grid.origin])
    # Rounded in the header, two poses may agree only nearly: either will do.
    apart = min(_apart(_TO_LPS[:, None] * pose, affine, header) for pose in _poses(header))
    if apart > _tolerance(header):
        raise GeometryError(
            "The position that ITK reads differs from the header's.",
            file=file,
            expected="corners where qform or sform put them",
            got=f"corners up to {apart:.3g} mm apart",
            remedy=f"{_BY_CONVERTING}, or save the image again by a program that writes a qform "
            "and an sform that agree with pixdim (SimpleITK, nibabel).",
        )


def _check_scale(slope: float, inter: float, file: Path) -> None:
    """The standard scales nothing where the slope is 0; ITK adds the intercept even so."""
    is_scaled = math.isfinite(slope) and slope != 0
    if math.isfinite(inter) if is_scaled else inter == 0 or not math.isfinite(inter):
        return
    raise DatasetError(
        "Programs read other voxels from this header.",
        file=file,
        expected="scl_slope other than 0 with a finite scl_inter, or both 0",
        got=f"scl_slope {slope:g}, scl_inter {inter:g}",
        remedy="Find out whether the voxels are to be scaled. If so, set scl_slope (often 1), else "
        "set scl_inter to 0.",
    )


def _check_pose(header: NiftiHeader, file: Path) -> None:
    _check_numbers(header, file)
    poses = _poses(header)
    if len(poses) > 1:
        _check_agreement(poses, header, file)
    elif header.codes[1] > 0:
        check_right_angles(header.rows[:, :3], file, _SHEARED_FROM)
        _check_lengths(header, file)


def _check_numbers(header: NiftiHeader, file: Path) -> None:
    """Refuse numbers from which no pose can be computed, or only by guessing."""
    qform, sform = header.codes
    steps = header.steps[1:4]
    if max(qform, sform) < 1:
        raise GeometryError(
            "The header of this image does not define its orientation in the patient.",
            file=file,
            expected="a qform_code or sform_code above 0",
            got="qform_code and sform_code are both 0",
            remedy="Programs assume different axes then, and left and right may be exchanged. "
            f"{_BY_CONVERTING}. If you know that its qform or sform is right, say so: fslorient "
            "-setqformcode 1 or -setsformcode 1.",
        )
    if not (np.isfinite(steps).all() and (steps > 0).all()):
        raise GeometryError(
            "A voxel of this image has a size that is not above 0.",
            file=file,
            expected="three sizes in pixdim above 0",
            got=f"pixdim {_text(steps)}",
            remedy="A negative size mirrors the image in some programs and not in others. "
            f"{_BY_CONVERTING}, or write the size without sign and the direction of the axes into "
            "qform and sform.",
        )
    used = [*(header.quaternion if qform > 0 else ()), *(header.rows.ravel() if sform > 0 else ())]
    vector = header.quaternion[:3]
    is_unit = qform < 1 or float(vector @ vector) <= 1 + _UNIT
    if not (np.isfinite(used).all() and is_unit):
        raise GeometryError(
            "The pose of this image cannot be computed.",
            file=file,
            expected="finite numbers in qform and sform, and a quaternion of length 1",
            got=f"quaternion {_text(vector)}, sform {_text(header.rows.ravel())}",
            remedy=f"{_BY_CONVERTING}.",
        )


def _check_agreement(poses: list[Matrix], header: NiftiHeader, file: Path) -> None:
    apart = _apart(poses[0], poses[1], header)
    if apart > _tolerance(header):
        raise GeometryError(
            "This header contains two conflicting orientations.",
            file=file,
            expected=f"two poses that agree within {_tolerance(header):.3g} mm",
            got=f"qform and sform put the corners up to {apart:.3g} mm apart",
            remedy="Find out which one is right, copy it over the other (e.g. fslorient "
            "-copysform2qform), and convert from DICOM again if in doubt.",
        )


def _check_lengths(header: NiftiHeader, file: Path) -> None:
    """ITK takes the size of a voxel from pixdim even where only the sform is set."""
    lengths = np.linalg.norm(header.rows[:, :3], axis=0)
    steps = header.steps[1:4]
    differences = np.abs(lengths - steps) * header.sizes[1:4] * header.to_mm
    if differences.max() > _tolerance(header):
        raise GeometryError(
            "The header of this image has two sizes of a voxel.",
            file=file,
            expected=f"the same in pixdim and sform, within {_tolerance(header):.3g} mm over the "
            "image",
            got=f"pixdim {_text(steps)}, sform {_text(lengths)}",
            remedy="Find out which one is right and write it into the other, or convert the scan "
            "from DICOM again.",
        )


def _poses(header: NiftiHeader) -> list[Matrix]:
    """Voxel (x, y, z) to mm in RAS, shape (3, 4), by qform and sform as far as they are set."""
    poses = []
    if header.codes[0] > 0:
        poses.append(header.to_mm * _qform(header))
    if header.codes[1] > 0:
        poses.append(header.to_mm * header.rows)
    return poses


def _qform(header: NiftiHeader) -> Matrix:
    vector, offset = header.quaternion[:3], header.quaternion[3:]
    real = np.sqrt(max(0.0, 1.0 - float(vector @ vector)))
    steps = header.steps[1:4].copy()
    if header.steps[0] < 0:
        steps[2] *= -1
    rotation = Rotation.from_quat([*vector, real]).as_matrix()
    return np.column_stack([rotation * steps, offset])


def _apart(first: Matrix, other: Matrix, header: NiftiHeader) -> float:
    """Largest distance in mm of a corner voxel."""
    ends = ((0, size - 1) for size in header.sizes[1:4])
    corners = np.array(list(itertools.product(*ends)), dtype=np.float64)
    gap = corners @ (first - other)[:, :3].T + (first - other)[:, 3]
    return float(np.linalg.norm(gap, axis=1).max())


def _tolerance(header: NiftiHeader) -> float:
    # Two poses of a header may put a corner voxel as far apart as those of one grid.
    return min(TOLERANCE_MM, header.to_mm * float(header.steps[1:4].min()))


def _text(numbers: NDArray[np.float64]) -> str:
    return " x ".join(f"{number:.4g}" for number in numbers)
