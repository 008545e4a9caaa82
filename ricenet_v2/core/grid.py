"""Position of voxels in the patient: shape, spacing, origin, direction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.types import Shape, Triple

TOLERANCE_MM = 0.1
"""Largest distance of corresponding corner voxels of one grid; covers rounding in headers."""
_UPRIGHT_WITHIN = 0.5
"""Degrees; a head of 200 mm moves by less than a voxel."""


def turned(first: Sequence[float], other: Sequence[float]) -> float:
    """Degrees of the smallest rotation from one set of nine direction cosines to another."""
    product = np.reshape(np.asarray(first, dtype=np.float64), (3, 3)).T @ np.reshape(other, (3, 3))
    return float(np.degrees(np.arccos(np.clip((np.trace(product) - 1) / 2, -1, 1))))


@dataclass(frozen=True)
class Grid:
    """A regular grid of voxel centres.

    Attributes:
        shape: Voxels along array axes (z, y, x).
        spacing: Millimetres between voxel centres along array axes (z, y, x).
        origin: Millimetres, world (x, y, z) in LPS, of voxel (0, 0, 0).
        direction: Nine cosines, row-major: columns are the world directions of x, y, z indices
            (the convention of ITK).
    """

    shape: Shape
    spacing: Triple
    origin: Triple = (0.0, 0.0, 0.0)
    direction: tuple[float, ...] = (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0)

    def __post_init__(self) -> None:
        """Refuse grids that cannot hold an image."""
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise GeometryError(
                "A grid needs three positive sizes.",
                expected="3 sizes of at least 1",
                got=self.shape,
            )
        finite = bool(np.all(np.isfinite([*self.spacing, *self.origin, *self.direction])))
        if len(self.spacing) != 3 or not finite or min(self.spacing) <= 0:
            raise GeometryError(
                "A grid needs three positive, finite spacings and a finite position.",
                expected="spacing above 0 mm",
                got=(self.spacing, self.origin, self.direction),
            )
        if len(self.direction) != 9 or abs(np.linalg.det(self._cosines())) < 1e-3:
            raise GeometryError(
                "The direction cosines of a grid must span space.",
                expected="9 cosines with a determinant of 1 or -1",
                got=self.direction,
            )

    def _cosines(self) -> NDArray[np.float64]:
        return np.asarray(self.direction, dtype=np.float64).reshape(3, 3)

    def world(self, index: tuple[float, float, float]) -> NDArray[np.float64]:
        """World position (x, y, z) in LPS mm of an array index (z, y, x)."""
        steps = np.asarray(index[::-1], dtype=np.float64) * np.asarray(self.spacing[::-1])
        position: NDArray[np.float64] = np.asarray(self.origin) + self._cosines() @ steps
        return position

    def positions(self, indices: NDArray[np.float64]) -> NDArray[np.float64]:
        """World positions (x, y, z) in LPS mm of array indices (z, y, x), shape (..., 3)."""
        steps = np.asarray(indices)[..., ::-1] * np.asarray(self.spacing[::-1])
        points: NDArray[np.float64] = steps @ self._cosines().T + self.origin
        return points

    def index(self, world: NDArray[np.float64]) -> NDArray[np.float64]:
        """Array indices (z, y, x) of world positions (x, y, z) in LPS mm, shape (..., 3)."""
        steps = (np.asarray(world) - self.origin) @ np.linalg.inv(self._cosines()).T
        indices: NDArray[np.float64] = (steps / np.asarray(self.spacing[::-1]))[..., ::-1]
        return indices

    @property
    def tilts(self) -> Triple:
        """Degrees between each array axis (z, y, x) and the axis of the patient it runs along.

        Of a grid in LPS, whose axes x, y, z run as near as possible to left, posterior, superior.
        """
        cosines = self._cosines()
        lengths = np.linalg.norm(cosines, axis=0)
        x, y, z = np.degrees(np.arccos(np.clip(np.diag(cosines) / lengths, -1, 1)))
        return float(z), float(y), float(x)

    @property
    def is_tilted(self) -> bool:
        """Whether the axes leave those of the patient by more than heads can be positioned."""
        return self.tilt > _UPRIGHT_WITHIN

    @property
    def tilt(self) -> float:
        """The largest of the `tilts`: 0 along the axes of the patient."""
        return max(self.tilts)

    def corners(self) -> NDArray[np.float64]:
        """World positions of the eight corner voxels, shape (8, 3), mm."""
        ends = [(0, size - 1) for size in self.shape]
        indices = [(z, y, x) for z in ends[0] for y in ends[1] for x in ends[2]]
        return np.stack([self.world(index) for index in indices])

    def distance(self, other: Grid) -> float:
        """Largest distance in mm between corresponding corner voxels of two grids."""
        return float(np.linalg.norm(self.corners() - other.corners(), axis=1).max())

    def matches(self, other: Grid) -> bool:
        """Whether both have the same shape, and their corner voxels lie within 0.1 mm."""
        return self.shape == other.shape and self.distance(other) <= TOLERANCE_MM

    def crop(self, start: Shape, stop: Shape) -> Grid:
        """The grid of voxels start (inclusive) to stop (exclusive), array axes (z, y, x)."""
        x, y, z = self.world(start)
        shape = (stop[0] - start[0], stop[1] - start[1], stop[2] - start[2])
        return Grid(shape, self.spacing, (float(x), float(y), float(z)), self.direction)

    @property
    def extent(self) -> Triple:
        """Size in mm along array axes (z, y, x), counted as voxels times spacing."""
        z, y, x = (n * s for n, s in zip(self.shape, self.spacing, strict=True))
        return z, y, x
