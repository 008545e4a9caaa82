"""One plane of an image as radiologists look at it, with isodose lines and the lesion's outline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import contourpy
import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Shape
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.reporting.case.centre import ViewCentre
from ricenet_v2.reporting.case.isodose import Isodoses
from ricenet_v2.reporting.case.scan import DisplayedCase
from ricenet_v2.reporting.case.scene import Item, Line, Text

Lines = Mapping[int, Isodoses]
"""Lines by the index of their dose channel; the first are drawn on images without dose too."""
LineStyle = tuple[str, float, tuple[float, ...]]
"""Colour, width, and dashes as those of a `Line`."""
PLANES = ("axial", "coronal", "sagittal")
_LETTERS = {
    "axial": ("R", "L", "A", "P"),
    "coronal": ("R", "L", "S", "I"),
    "sagittal": ("A", "P", "S", "I"),
}
PALE, WHITE, LESION = "#b8bec5", "#ffffff", "#ff8ad8"
_LINE, _STEP = 1.8, 2.5
_TICK = 6.0


@dataclass(frozen=True)
class Plane:
    """One plane of one channel: values, mm per row and per column, and where the point is."""

    values: NDArray[np.float32]
    spacing: tuple[float, float]
    point: tuple[float, float]

    @property
    def size(self) -> tuple[float, float]:
        """Height and width in mm."""
        rows, columns = self.values.shape
        return rows * self.spacing[0], columns * self.spacing[1]


def plane_of(
    voxels: NDArray[np.generic], spacing: tuple[float, float, float], at: Shape, name: str
) -> Plane:
    """A plane as radiologists look at it: the patient's left is right, the head is up.

    Args:
        voxels: Axes (z, y, x), LPS.
        spacing: mm along (z, y, x).
        at: The point, (z, y, x).
        name: One of `PLANES`.
    """
    axis = PLANES.index(name)
    values = np.take(voxels, at[axis], axis=axis).astype(np.float32)
    row, column = [n for n in range(3) if n != axis]
    point = ((at[row] + 0.5) * spacing[row], (at[column] + 0.5) * spacing[column])
    if row == 0:
        values = values[::-1]
        point = (values.shape[0] * spacing[0] - point[0], point[1])
    return Plane(values, (spacing[row], spacing[column]), point)


@dataclass(frozen=True)
class View:
    """Settings that all panels of a picture share; `scale` is the picture's units per mm."""

    scan: DisplayedCase
    centre: ViewCentre
    lines: Lines
    mm_per_pixel: float
    scale: float

    def doses(self, index: int) -> list[int]:
        """The dose whose lines are drawn on a channel: its own, on other images the first."""
        is_dose = KINDS[self.scan.channels[index].kind].is_dose
        return [n for n in self.lines if n == index] if is_dose else list(self.lines)[:1]

    def plane(self, voxels: NDArray[np.generic], name: str) -> Plane:
        """One plane, through the point of the picture, of any image on the grid of the scan."""
        return plane_of(voxels, self.scan.grid.spacing, self.centre.index, name)


def marks(view: View, doses: Sequence[int], name: str, corner: tuple[float, float]) -> list[Item]:
    """Overlays of a plane: isodose lines, the lesion, strokes and letters at the rim.

    Args:
        view: The picture.
        doses: Dose channels whose lines are drawn.
        name: One of `PLANES`.
        corner: Upper left of the panel.
    """
    return [*overlays(view, doses, name, corner), *rim(view, name, corner)]


def overlays(
    view: View, doses: Sequence[int], name: str, corner: tuple[float, float]
) -> list[Item]:
    """Isodose lines and the lesion; see `marks`.

    Args:
        view: The picture.
        doses: Dose channels whose lines are drawn.
        name: One of `PLANES`.
        corner: Upper left of the panel.
    """
    scan, scale = view.scan, view.scale
    drawn: list[Item] = []
    for n in doses:
        dose = view.plane(scan.voxels[n], name)
        for line in view.lines[n].lines:
            style = (line.colour, _LINE, line.dash)
            drawn += contours(dose, line.gray, corner, scale, style)
    if scan.lesion is not None and scan.lesion.any():
        drawn += outline(view, scan.lesion, name, corner, LESION)
    return drawn


def rim(view: View, name: str, corner: tuple[float, float]) -> list[Item]:
    """Strokes at the rim of a panel that point at the other planes, and letters of directions."""
    plane = view.plane(view.scan.voxels[0], name)
    height, width = (mm * view.scale for mm in plane.size)
    return [*_ticks(plane, corner, view.scale), *_letters(name, corner, (width, height))]


def outline(
    view: View, mask: NDArray[np.bool_], name: str, corner: tuple[float, float], colour: str
) -> list[Line]:
    """The outline of a mask on the grid of the scan, in one plane.

    Args:
        view: The picture.
        mask: Array axes (z, y, x).
        name: One of `PLANES`.
        corner: Upper left of the panel.
        colour: Colour of the line.
    """
    style: LineStyle = (colour, _LINE, ())
    return contours(view.plane(mask, name), 0.5, corner, view.scale, style)


def contours(
    plane: Plane,
    level: float,
    corner: tuple[float, float],
    scale: float,
    style: LineStyle,
) -> list[Line]:
    """Lines of a plane at a level.

    Args:
        plane: The values.
        level: Dose level of the lines.
        corner: Upper left of the panel.
        scale: Units of the picture per mm.
        style: Style of the lines.
    """
    if not plane.values.min() < level <= plane.values.max() or min(plane.values.shape) < 2:
        return []
    rows, columns = plane.values.shape
    contours = contourpy.contour_generator(
        x=corner[0] + (np.arange(columns) + 0.5) * plane.spacing[1] * scale,
        y=corner[1] + (np.arange(rows) + 0.5) * plane.spacing[0] * scale,
        z=plane.values,
        line_type=contourpy.LineType.Separate,
    ).lines(level)
    return [Line(_thinned(np.asarray(points)), *style) for points in contours]


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The points of a contour reduced to one in every `_STEP` of its length, and both ends."""
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    kept = np.diff(np.floor(along / _STEP), prepend=-1.0) > 0
    kept[-1] = True
    return points[kept]


def _ticks(plane: Plane, corner: tuple[float, float], scale: float) -> list[Line]:
    """Short strokes at the rim that point at the other two planes."""
    (left, top), (height, width) = corner, (mm * scale for mm in plane.size)
    y, x = top + plane.point[0] * scale, left + plane.point[1] * scale
    ends = (
        ((x, top), (x, top + _TICK)),
        ((x, top + height - _TICK), (x, top + height)),
        ((left, y), (left + _TICK, y)),
        ((left + width - _TICK, y), (left + width, y)),
    )
    return [Line(np.array(pair), WHITE, 1.0) for pair in ends]


def _letters(name: str, corner: tuple[float, float], size: tuple[float, float]) -> list[Text]:
    (left, top), (width, height) = corner, size
    before, behind, above, below = _LETTERS[name]
    return [
        Text(left + 3, top + height / 2 + 14, before, 10, PALE),
        Text(left + width - 3, top + height / 2 + 14, behind, 10, PALE, "end"),
        Text(left + width / 2 + 6, top + 11, above, 10, PALE),
        Text(left + width / 2 + 6, top + height - 3, below, 10, PALE),
    ]


def reduced(plane: Plane, mm_per_pixel: float) -> NDArray[np.float32]:
    """Square pixels of about that size, by means of blocks and linear steps between them."""
    from ricenet_v2.preprocessing.resample import resample

    rows, columns = (max(1, round(mm / mm_per_pixel)) for mm in plane.size)
    volume = np.ascontiguousarray(plane.values)[None]
    resampled = resample(volume, (1, rows, columns), "linear", (1.0, *plane.spacing))
    return np.asarray(resampled[0])


def grey(values: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.uint8]:
    """Values from black to white."""
    low, high = window
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(np.round(255 * share), dtype=np.uint8)
