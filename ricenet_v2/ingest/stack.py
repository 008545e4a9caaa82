"""Whether slices make a volume on a regular grid at right angles, and if not, why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.listing import first_of
from ricenet_v2.core.types import Floats, Shape, Triple

FaultKind = Literal[
    "no position",
    "one slice",
    "bad orientation",
    "mixed orientation",
    "duplicate",
    "gap",
    "varying spacing",
    "tilt",
    "sideways shift",
]
ORIENTATION_WITHIN = 1e-4
"""Largest difference of a direction cosine between slices: 0.03 mm at the edge of a head."""
_ORTHONORMAL_WITHIN = 1e-3
_SAME_PLACE_MM = 0.01
_WITHIN_MM = 0.1
"""Largest distance of a slice from its place in the regular grid; covers rounding."""
_SHOWN = 5


@dataclass(frozen=True)
class StackFault:
    """Why slices are no volume.

    Attributes:
        kind: A few words that name it.
        expected: Description of what would have been right.
        got: Value that was found, in numbers; no text of a header.
    """

    kind: FaultKind
    expected: str
    got: str


@dataclass(frozen=True)
class Stack:
    """Slices in their order along the normal, which is the row's direction x the column's.

    Attributes:
        order: Indices of the slices as they were given.
        spacing: Millimetres between slices.
        origin: Position (x, y, z) in LPS mm of the first slice.
        axes: Unit vectors, shape (3, 3): of the row (x index), the column (y index), the normal.
    """

    order: tuple[int, ...]
    spacing: float
    origin: Triple
    axes: Floats

    def grid(self, rows: int, columns: int, in_plane: Sequence[float]) -> Grid:
        """The grid of the voxels.

        Args:
            rows: Rows of a slice.
            columns: Columns of a slice.
            in_plane: Millimetres between rows, then between columns, as PixelSpacing has them.
        """
        shape: Shape = (len(self.order), rows, columns)
        spacing = (self.spacing, float(in_plane[0]), float(in_plane[1]))
        return Grid(shape, spacing, self.origin, tuple(float(v) for v in self.axes.T.ravel()))


def stack_of(
    positions: Sequence[Sequence[float]], orientations: Sequence[Sequence[float]]
) -> Stack | StackFault:
    """Judge slices.

    Args:
        positions: ImagePositionPatient of each slice; empty where it has none.
        orientations: ImageOrientationPatient of each slice: cosines of its rows, of its columns.
    """
    if len(positions) < 2:
        return StackFault("one slice", "2 or more slices", f"{len(positions)}")
    missing = sum(
        len(position) != 3 or len(orientation) != 6
        for position, orientation in zip(positions, orientations, strict=True)
    )
    if missing:
        got = f"{missing} of {len(positions)} slices without"
        return StackFault("no position", "a position and an orientation of each slice", got)
    cosines = np.asarray(orientations, dtype=np.float64)
    turned = np.abs(cosines - cosines[0]).max(axis=1) > ORIENTATION_WITHIN
    if turned.any():
        got = f"{int(turned.sum())} of {len(positions)} lie otherwise than the first"
        return StackFault("mixed orientation", "slices that are parallel", got)
    axes = axes_of(cosines[0])
    if isinstance(axes, StackFault):
        return axes
    return _along_normal(np.asarray(positions, dtype=np.float64), axes)


def axes_of(orientation: Sequence[float] | Floats) -> Floats | StackFault:
    """Unit vectors of row, column and normal, shape (3, 3)."""
    row, column = np.reshape(np.asarray(orientation, dtype=np.float64), (2, 3))
    lengths = float(np.linalg.norm(row)), float(np.linalg.norm(column))
    largest = max(abs(lengths[0] - 1), abs(lengths[1] - 1), abs(float(row @ column)))
    if not largest <= _ORTHONORMAL_WITHIN:
        return StackFault(
            "bad orientation",
            "two unit vectors at right angles",
            f"lengths {lengths[0]:.4g} and {lengths[1]:.4g}, dot product {row @ column:.4g}",
        )
    row = row / lengths[0]
    column = column - (column @ row) * row
    column /= np.linalg.norm(column)
    return np.stack([row, column, np.cross(row, column)])


def _along_normal(positions: Floats, axes: Floats) -> Stack | StackFault:
    along = positions @ axes[2]
    order = np.argsort(along, kind="stable")
    steps = np.diff(along[order])
    n_same = int((steps < _SAME_PLACE_MM).sum())
    if n_same:
        return StackFault(
            "duplicate",
            "one slice at each position",
            f"{n_same} of {len(positions)} slices lie where another does",
        )
    spacing = float(steps.mean())
    within = min(_WITHIN_MM, spacing / 4)
    fault = _fault_of_steps(steps, spacing, within) or _fault_of_sides(
        positions[order], axes, within
    )
    if fault:
        return fault
    x, y, z = positions[order[0]]
    return Stack(tuple(int(i) for i in order), spacing, (float(x), float(y), float(z)), axes)


def _fault_of_steps(steps: Floats, spacing: float, within: float) -> StackFault | None:
    places = np.concatenate([[0], np.cumsum(steps)])
    if np.abs(places - spacing * np.arange(len(places))).max() <= within:
        return None
    usual = float(np.sort(steps)[(len(steps) - 1) // 2])
    counts = np.round(steps / usual)
    if np.abs(steps - counts * usual).max() <= within and counts.min() >= 1:
        gaps = [
            f"{step:.4g} mm after slice {i + 1}"
            for i, step in enumerate(steps)
            if step > 1.5 * usual
        ]
        return StackFault("gap", f"a slice every {usual:.4g} mm", first_of(gaps, _SHOWN))
    got = f"{steps.min():.4g} to {steps.max():.4g} mm"
    return StackFault("varying spacing", f"slices {usual:.4g} mm apart", got)


def _fault_of_sides(positions: Floats, axes: Floats, within: float) -> StackFault | None:
    """Whether slices lie straight above each other; positions are in their order."""
    relative = positions - positions[0]
    along = relative @ axes[2]
    sideways = relative - along[:, None] * axes[2]
    if np.linalg.norm(sideways, axis=1).max() <= within:
        return None
    slope = sideways[-1] / along[-1]
    rest = np.linalg.norm(sideways - along[:, None] * slope, axis=1).max()
    if rest <= within:
        angle = np.degrees(np.arctan(np.linalg.norm(slope)))
        return StackFault(
            "tilt", "slices stacked at right angles to their plane", f"{angle:.3g} degrees"
        )
    got = f"up to {np.linalg.norm(sideways, axis=1).max():.3g} mm"
    return StackFault("sideways shift", "slices straight above each other", got)
