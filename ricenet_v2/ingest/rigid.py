"""Rigid transforms of points, which are joined before anything is resampled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.types import Floats

if TYPE_CHECKING:
    import SimpleITK as sitk

_ORTHONORMAL_WITHIN = 1e-4


@dataclass(frozen=True)
class RigidTransform:
    """x -> rotation x + translation; in mm, LPS.

    Attributes:
        rotation: Nine numbers, row-major.
        translation: Three numbers.
    """

    rotation: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)
    translation: tuple[float, ...] = (0.0, 0.0, 0.0)

    def __post_init__(self) -> None:
        """Refuse what scales, shears or mirrors."""
        counts = len(self.rotation), len(self.translation)
        if counts != (9, 3) or not np.isfinite([*self.rotation, *self.translation]).all():
            raise GeometryError(
                "This transform is not rigid.", expected="9 and 3 finite numbers", got=counts
            )
        apart = np.abs(self.matrix @ self.matrix.T - np.eye(3)).max()
        if apart > _ORTHONORMAL_WITHIN or np.linalg.det(self.matrix) < 0:
            raise GeometryError(
                "This transform is not rigid.",
                expected="a rotation, which neither scales nor mirrors",
                got=f"a matrix that is {apart:.3g} off",
            )

    @property
    def matrix(self) -> Floats:
        """The rotation, shape (3, 3)."""
        return np.asarray(self.rotation, dtype=np.float64).reshape(3, 3)

    def points(self, points: Floats) -> Floats:
        """Move points, shape (..., 3)."""
        return np.asarray(points) @ self.matrix.T + self.translation

    def after(self, first: RigidTransform) -> RigidTransform:
        """The transform that applies another one first and then this one."""
        return rigid(self.matrix @ first.matrix, self.points(np.asarray(first.translation)))

    def inverse(self) -> RigidTransform:
        """The inverse transform."""
        back = self.matrix.T
        return rigid(back, -back @ np.asarray(self.translation))

    @property
    def degrees(self) -> float:
        """Angle of the rotation."""
        return float(np.degrees(np.arccos(np.clip((np.trace(self.matrix) - 1) / 2, -1, 1))))

    def of_simpleitk(self) -> sitk.Transform:
        """The transform as an object of SimpleITK."""
        import SimpleITK as sitk

        transform = sitk.AffineTransform(3)
        transform.SetMatrix(self.matrix.ravel().tolist())
        transform.SetTranslation([float(v) for v in self.translation])
        return transform


def rigid(matrix: Floats, translation: Floats) -> RigidTransform:
    """A transform of arrays; rounding is taken out of the rotation.

    Raises:
        GeometryError: It is not rigid.
    """
    left, sizes, right = np.linalg.svd(np.asarray(matrix, dtype=np.float64))
    if np.abs(sizes - 1).max() <= _ORTHONORMAL_WITHIN:
        matrix = left @ right
    return RigidTransform(
        tuple(float(v) for v in np.ravel(matrix)), tuple(float(v) for v in np.ravel(translation))
    )
