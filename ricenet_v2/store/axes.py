"""Directions of the axes of an image, and a check that they stand at right angles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.errors import GeometryError

SHEARED_FROM = 0.05
"""Degrees; headers of text that round to four digits stay below."""


def check_right_angles(
    columns: NDArray[np.float64], file: Path | None, least: float = SHEARED_FROM
) -> None:
    """Refuse a sheared image, such as one of a CT with a tilted gantry that was not corrected.

    Args:
        columns: World directions of the axes, of any length, shape (3, 3).
        file: File for messages.
        least: Degrees from which an image is sheared.

    Raises:
        GeometryError: The text has the angle.
    """
    lengths = np.linalg.norm(columns, axis=0)
    if not (np.isfinite(lengths).all() and lengths.all()):
        raise GeometryError(
            "The axes of this image have no direction.",
            file=file,
            expected="three directions in space",
            got=columns.tolist(),
            remedy="Convert the scan from DICOM again.",
        )
    unit = columns / lengths
    cosines = unit.T @ unit - np.eye(3)
    shear = float(np.degrees(np.arcsin(min(1.0, np.abs(cosines).max()))))
    if shear >= least:
        raise GeometryError(
            "The axes of this image do not stand at right angles.",
            file=file,
            expected="a direction matrix with orthonormal columns",
            got=f"sheared by {shear:.2g} degrees",
            remedy="Resample it onto a grid with axes at right angles, e.g. "
            "nibabel.processing.resample_to_output, or export it again with an orthonormal "
            "direction. Where a registration has written its affine into the header, put the pose "
            "of the scan back and resample the image instead.",
        )


def orientation_of(direction: Sequence[float]) -> str:
    """Directions of the axes (x, y, z) of an image, e.g. `RAS`: right, anterior and superior.

    Args:
        direction: World directions of the axes (x, y, z) in LPS, the columns of a matrix, by rows.
    """
    return str(sitk.DICOMOrientImageFilter.GetOrientationFromDirectionCosines(direction))
