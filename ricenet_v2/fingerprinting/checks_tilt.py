"""Do the axes of an image run along those of the patient, and alike in all cases?

Images are turned by flipping and swapping axes only, so an image that was acquired obliquely stays
tilted. At 45 degrees the nearest axis of the patient is another one: two patients who differ by
two degrees come out turned by 88 degrees against each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.fingerprinting.findings import DATASET, Place, warning
from ricenet_v2.records.integrity import Finding

TILTED, TURNED = "tilted image", "axes change places"
TILTED_FROM = 15.0
"""Degrees; heads lie within about 15 in a scanner, and augmentation turns by up to 20."""
EXCHANGED_FROM = 45.0
_NEAR = 40.0
_REMEDY = (
    "ricenet_plan_and_preprocess --straighten resamples each image once, along the axes of the "
    "patient, and prediction then does the same."
)


@dataclass(frozen=True)
class Pose:
    """Orientation of the images of a case in the patient.

    Attributes:
        case: Case id.
        grid: Grid of its images, LPS.
        stored: Where the axes of the file run, before they are flipped and swapped, e.g. `LPS`.
    """

    case: str
    grid: Grid
    stored: str


def check_tilt(grid: Grid, place: Place) -> list[Finding]:
    """A warning from 15 degrees on; what happens at 45 is said where a case is near it.

    Args:
        grid: Grid of the images of a case, LPS.
        place: Case and file.
    """
    if grid.tilt < TILTED_FROM:
        return []
    z, y, x = grid.tilts
    tilt = f"tilted by {grid.tilt:.0f} degrees (along z {z:.0f}, y {y:.0f}, x {x:.0f})"
    if grid.tilt >= _NEAR:
        tilt += (
            f"; from {EXCHANGED_FROM:g} degrees on axes are exchanged, so that a patient in a "
            "slightly different position appears turned by about 90 degrees against this one"
        )
    return [
        warning(
            TILTED,
            place,
            found=tilt,
            expected=f"axes within {TILTED_FROM:g} degrees of those of the patient",
            remedy=f"Networks see this patient tilted, and mirroring turns it. {_REMEDY}",
        )
    ]


def check_turns(poses: Sequence[Pose]) -> list[Finding]:
    """A warning where two cases are turned by more than 45 degrees against each other.

    Args:
        poses: Poses of all cases, in an order that does not depend on how they were read.
    """
    if not poses:
        return []
    angles = _angles(poses)
    first, other = (int(n) for n in np.unravel_index(int(angles.argmax()), angles.shape))
    if angles[first, other] <= EXCHANGED_FROM:
        return []
    n_other = int((angles[other] < angles[first]).sum())
    if 2 * n_other > len(poses):
        first, other, n_other = other, first, len(poses) - n_other
    return [
        warning(
            TURNED,
            DATASET,
            found=f"{_pose_text(poses[other])} is turned by {angles[first, other]:.0f} degrees "
            f"against {_pose_text(poses[first])}; {n_other} of {len(poses)} cases lie closer "
            "to the former",
            expected=f"all arrays within {EXCHANGED_FROM:g} degrees of each other",
            remedy="Axes are flipped and swapped to the nearest ones of the patient, and which one "
            f"is nearest changes at {EXCHANGED_FROM:g} degrees: networks see these patients in "
            "another orientation than the rest. " + _REMEDY,
        )
    ]


def _angles(poses: Sequence[Pose]) -> NDArray[np.float64]:
    """Degrees of rotation between each two cases, shape (cases, cases)."""
    directions = np.array([pose.grid.direction for pose in poses])
    traces = directions @ directions.T
    return np.asarray(np.degrees(np.arccos(np.clip((traces - 1) / 2, -1, 1))), dtype=np.float64)


def _pose_text(pose: Pose) -> str:
    return f"{pose.case} (tilted by {pose.grid.tilt:.0f}, axes of the file {pose.stored})"
