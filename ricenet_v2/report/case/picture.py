"""Three planes of each channel through one point, with isodose lines and the lesion's outline."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import contourpy
import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Shape
from ricenet_v2.records.dataset import Channel
from ricenet_v2.report.case.centre import Centre
from ricenet_v2.report.case.isodose import Isodoses
from ricenet_v2.report.case.scan import Image, Scan
from ricenet_v2.report.case.scene import Item, Line, Raster, Scene, Text
from ricenet_v2.report.words import RESEARCH_ONLY, number

Lines = Mapping[int, Isodoses]
"""By the index of their dose channel; the first ones are drawn on images without dose too."""
PLANES = ("axial", "coronal", "sagittal")
_LETTERS = {
    "axial": ("R", "L", "A", "P"),
    "coronal": ("R", "L", "S", "I"),
    "sagittal": ("A", "P", "S", "I"),
}
_WIDTH, _GAP, _EDGE, _HEAD, _LABEL, _ROW = 760.0, 8.0, 12.0, 22.0, 20.0, 18.0
_PALE, _WHITE, _LESION = "#b8bec5", "#ffffff", "#ff8ad8"
_LINE, _STEP = 1.8, 2.5
_DIMMED = 0.62  # colours of a dose, so that lines can be seen on them
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


def case_scene(
    case_id: str, scan: Scan, centre: Centre, lines: Lines, mm_per_pixel: float
) -> Scene:
    """The picture of a case.

    Args:
        case_id: For the line below.
        scan: Its images.
        centre: Where the planes cross.
        lines: Isodose lines of each dose.
        mm_per_pixel: Of the stored planes; lines are exact whatever it is.
    """
    z, y, x = scan.grid.extent
    scale = (_WIDTH - 2 * _EDGE - 2 * _GAP) / (2 * x + y)
    view = _View(scan, centre, lines, mm_per_pixel, scale)
    # In tenths, so that a line is the same in every row.
    left = {"axial": _EDGE, "coronal": round(_EDGE + x * scale + _GAP, 1)}
    left["sagittal"] = round(left["coronal"] + x * scale + _GAP, 1)
    items: list[Item] = [Text(left[name], _HEAD - 7, name, 12, _PALE) for name in PLANES]
    top = _HEAD
    for n, channel in enumerate(scan.channels):
        window = window_of(channel, scan.voxels[n])
        items.append(Text(_EDGE, top + 14, _label(channel, window), 13, _WHITE))
        for name in PLANES:
            items += _panel(view, n, window, name, (left[name], top + _LABEL))
        top = round(top + _LABEL + max(y, z) * scale + _GAP, 1)
    legend, height = _legend(case_id, scan, lines, top)
    items += legend
    return Scene(_WIDTH, top + height, _description(case_id, scan, centre, lines), tuple(items))


@dataclass(frozen=True)
class _View:
    """What all panels of a picture share; `scale` is the picture's units per mm."""

    scan: Scan
    centre: Centre
    lines: Lines
    mm_per_pixel: float
    scale: float

    def doses(self, index: int) -> list[int]:
        """The dose whose lines are drawn on a channel: its own, on other images the first."""
        is_dose = self.scan.channels[index].kind == "dose"
        return [n for n in self.lines if n == index] if is_dose else list(self.lines)[:1]

    def plane(self, voxels: NDArray[np.generic], name: str) -> Plane:
        return plane_of(voxels, self.scan.grid.spacing, self.centre.index, name)


def _panel(
    view: _View, index: int, window: tuple[float, float], name: str, corner: tuple[float, float]
) -> list[Item]:
    scan, scale = view.scan, view.scale
    plane = view.plane(scan.voxels[index], name)
    height, width = (mm * scale for mm in plane.size)
    palette = _inferno() if scan.channels[index].kind == "dose" else None
    grey = _grey(_reduced(plane, view.mm_per_pixel), window)
    drawn: list[Item] = [Raster(*corner, width, height, grey, palette)]
    for n in view.doses(index):
        dose = view.plane(scan.voxels[n], name)
        for one in view.lines[n].lines:
            style = (one.colour, _LINE, one.dash)
            drawn += _contours(dose, one.gray, corner, scale, style)
    if scan.lesion is not None and scan.lesion.any():
        style = (_LESION, _LINE, ())
        drawn += _contours(view.plane(scan.lesion, name), 0.5, corner, scale, style)
    return [*drawn, *_ticks(plane, corner, scale), *_letters(name, corner, (width, height))]


def _contours(
    plane: Plane,
    level: float,
    corner: tuple[float, float],
    scale: float,
    style: tuple[str, float, tuple[float, ...]],
) -> list[Line]:
    if not plane.values.min() < level <= plane.values.max() or min(plane.values.shape) < 2:
        return []
    rows, columns = plane.values.shape
    found = contourpy.contour_generator(
        x=corner[0] + (np.arange(columns) + 0.5) * plane.spacing[1] * scale,
        y=corner[1] + (np.arange(rows) + 0.5) * plane.spacing[0] * scale,
        z=plane.values,
        line_type=contourpy.LineType.Separate,
    ).lines(level)
    return [Line(_thinned(np.asarray(points)), *style) for points in found]


def _thinned(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of the points of a contour, one in every `_STEP` of its length, and both ends."""
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
    return [Line(np.array(pair), _WHITE, 1.0) for pair in ends]


def _letters(name: str, corner: tuple[float, float], size: tuple[float, float]) -> list[Text]:
    (left, top), (width, height) = corner, size
    before, behind, above, below = _LETTERS[name]
    return [
        Text(left + 3, top + height / 2 + 14, before, 10, _PALE),
        Text(left + width - 3, top + height / 2 + 14, behind, 10, _PALE, "end"),
        Text(left + width / 2 + 6, top + 11, above, 10, _PALE),
        Text(left + width / 2 + 6, top + height - 3, below, 10, _PALE),
    ]


def _legend(case_id: str, scan: Scan, lines: Lines, top: float) -> tuple[list[Line | Text], float]:
    """Lines in words, a row per dose and its name above where there are several; its height."""
    rows = [
        (
            scan.channels[n].name if len(lines) > 1 else "",
            [(one.words, one.colour, one.dash) for one in own.lines if one.is_reached],
        )
        for n, own in lines.items()
    ] or [("", [])]
    if scan.lesion is not None and scan.lesion.any():
        rows[-1][1].append(("lesion mask", _LESION, ()))
    items: list[Line | Text] = []
    y = top + 12
    for row, (name, shown) in enumerate(rows):
        if name:
            told = "" if row else ", also on the images without dose"
            items.append(Text(_EDGE, y, f"Lines of {name}{told}", 11, _WHITE))
            y += _ROW
        for n, (words, colour, dash) in enumerate(shown):
            x = _EDGE + n * 138.0
            items.append(Line(np.array([(x, y - 4), (x + 24, y - 4)]), colour, 2.0, dash))
            items.append(Text(x + 30, y, words, 11, _WHITE))
        y += _ROW
    below = f"{case_id}. {RESEARCH_ONLY}"
    return [*items, Text(_EDGE, y + 4, below, 11, _PALE)], y + 16 - top


def _description(case_id: str, scan: Scan, centre: Centre, lines: Lines) -> str:
    names = ", ".join(channel.name for channel in scan.channels)
    told = f"{case_id}: axial, coronal and sagittal planes of {names} through {centre.why}"
    for n, own in lines.items():
        reached = ", ".join(one.words for one in own.lines if one.is_reached)
        told += f"; isodose lines of {scan.channels[n].name} {reached}"
    if lines:
        told += f"; {reference_of(scan, lines)}"
    return f"{told}. {RESEARCH_ONLY}"


def reference_of(scan: Scan, lines: Lines) -> str:
    """What 100 % is, of each dose by its name where they differ."""
    told = {scan.channels[n].name: own.reference for n, own in lines.items()}
    if len(set(told.values())) == 1:
        return next(iter(told.values()))
    return "; ".join(f"{name}: {words}" for name, words in told.items())


def _label(channel: Channel, window: tuple[float, float]) -> str:
    if channel.kind == "dose":
        return f"{channel.name}, colours from 0 to {number(round(window[1], 1))} Gy"
    return channel.name


def window_of(channel: Channel, voxels: Image) -> tuple[float, float]:
    """What is black and what is white."""
    if channel.kind == "dose":
        return 0.0, max(float(voxels.max()), 1.0)
    inside = voxels[voxels != 0]
    if inside.size == 0 or channel.kind == "mask":
        return 0.0, max(float(voxels.max()), 1.0)
    low, high = (
        float(value)
        for value in np.percentile(inside[:: max(1, inside.size // 200_000)], [1, 99.8])
    )
    return (min(low, 0.0) if channel.kind != "ct" else low), max(high, low + 1e-6)


def _reduced(plane: Plane, mm_per_pixel: float) -> NDArray[np.float32]:
    """Square pixels of about that size, by means of blocks and linear steps between them."""
    from ricenet_v2.preprocessing.resample import resample

    rows, columns = (max(1, round(mm / mm_per_pixel)) for mm in plane.size)
    volume = np.ascontiguousarray(plane.values)[None]
    made = resample(volume, (1, rows, columns), "linear", (1.0, *plane.spacing))
    return np.asarray(made[0])


def _grey(values: NDArray[np.float32], window: tuple[float, float]) -> NDArray[np.uint8]:
    low, high = window
    share = np.clip((values - low) / (high - low), 0, 1)
    return np.asarray(np.round(255 * share), dtype=np.uint8)


def _inferno() -> NDArray[np.uint8]:
    """Colours of a dose, shape (256, 3): black where there is none."""
    colours = np.asarray(mpl.colormaps["inferno"](np.linspace(0, 1, 256)))
    return np.asarray(np.round(255 * _DIMMED * colours[:, :3]), dtype=np.uint8)
