"""Poses from which a registration begins: 13 rotations about two centres.

One start ends far off at rotations above some 40 degrees.
"""

from __future__ import annotations

import numpy as np
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.core.types import Floats

_ANGLE = 50.0
"""Degrees about each of the twelve corners of an icosahedron, beside no rotation."""


def starts_of(fixed: sitk.Image, moving: sitk.Image) -> list[sitk.Euler3DTransform]:
    """Each rotation about the middle of the fixed image, and about its centre of mass.

    Args:
        fixed: The reference.
        moving: The image whose middle, or centre of mass, is put there.
    """
    rotations = [np.eye(3), *Rotation.from_rotvec(_ANGLE * _corners(), degrees=True).as_matrix()]
    starts = []
    for centre, target in (
        (middle_of(fixed), middle_of(moving)),
        (_centre_of_mass(fixed), _centre_of_mass(moving)),
    ):
        for rotation in rotations:
            transform = sitk.Euler3DTransform()
            transform.SetCenter(centre.tolist())
            transform.SetMatrix(rotation.ravel().tolist())
            transform.SetTranslation((target - centre).tolist())
            starts.append(transform)
    return starts


def _corners() -> Floats:
    """Unit vectors to the corners of an icosahedron, shape (12, 3): directions spread evenly."""
    golden = (1 + np.sqrt(5)) / 2
    pairs = [(0, near, far * golden) for near in (-1, 1) for far in (-1, 1)]
    corners = np.array([np.roll(pair, turn) for pair in pairs for turn in range(3)])
    unit: Floats = corners / np.linalg.norm(corners[0])
    return unit


def middle_of(image: sitk.Image) -> Floats:
    """The middle of an image, (x, y, z) in LPS mm."""
    index = [(size - 1) / 2 for size in image.GetSize()]
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))


def _centre_of_mass(image: sitk.Image) -> Floats:
    voxels = sitk.GetArrayViewFromImage(image)
    total = float(voxels.sum(dtype=np.float64))
    index = [
        float(voxels.sum(axis=tuple(a for a in range(3) if a != axis), dtype=np.float64)
              @ np.arange(voxels.shape[axis])) / total
        for axis in (2, 1, 0)
    ]  # fmt: skip
    return np.array(image.TransformContinuousIndexToPhysicalPoint(index))
