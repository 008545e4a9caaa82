"""Three planes of each channel through one point, with isodose lines and the lesion's outline."""

from __future__ import annotations

import matplotlib as mpl
import numpy as np
from numpy.typing import NDArray

from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.reporting.case.centre import ViewCentre
from ricenet_v2.reporting.case.isodose_labels import labels
from ricenet_v2.reporting.case.panel import (
    LESION,
    PALE,
    PLANES,
    WHITE,
    Lines,
    View,
    grey,
    marks,
    reduced,
)
from ricenet_v2.reporting.case.scan import DisplayedCase
from ricenet_v2.reporting.case.scene import Item, Line, Raster, Scene, Text
from ricenet_v2.reporting.case.windows import window_of
from ricenet_v2.reporting.formatting import RESEARCH_ONLY, number

_WIDTH, _GAP, _EDGE, _HEAD, _LABEL, _ROW = 760.0, 8.0, 12.0, 22.0, 20.0, 18.0
_BAR, _LETTER = 128.0, 7.5
_LONG = 1e6  # shown as a power of ten from here on
_DIMMED = 0.62  # colours of a dose, so that lines can be seen on them


def case_scene(
    case_id: str, scan: DisplayedCase, centre: ViewCentre, lines: Lines, mm_per_pixel: float
) -> Scene:
    """The picture of a case.

    Args:
        case_id: Case id, shown in the last line.
        scan: Its images.
        centre: Point in which the planes cross.
        lines: Isodose lines of each dose.
        mm_per_pixel: Pixel size of the stored planes; lines do not depend on it.
    """
    z, y, x = scan.grid.extent
    scale = (_WIDTH - 2 * _EDGE - 2 * _GAP) / (2 * x + y)
    view = View(scan, centre, lines, mm_per_pixel, scale)
    # In tenths, so that a line is the same in every row.
    left = {"axial": _EDGE, "coronal": round(_EDGE + x * scale + _GAP, 1)}
    left["sagittal"] = round(left["coronal"] + x * scale + _GAP, 1)
    items: list[Item] = [Text(left[name], _HEAD - 7, name, 12, PALE) for name in PLANES]
    top = _HEAD
    for n, channel in enumerate(scan.channels):
        window = window_of(channel, scan.voxels[n])
        items += _row_head(channel, window, top)
        for name in PLANES:
            items += _panel(view, n, window, name, (left[name], top + _LABEL))
        top = round(top + _LABEL + max(y, z) * scale + _GAP, 1)
    legend, height = _legend(case_id, scan, lines, top)
    items += legend
    return Scene(_WIDTH, top + height, _description(case_id, scan, centre, lines), tuple(items))


def _panel(
    view: View, index: int, window: tuple[float, float], name: str, corner: tuple[float, float]
) -> list[Item]:
    plane = view.plane(view.scan.voxels[index], name)
    height, width = (mm * view.scale for mm in plane.size)
    palette = _inferno() if KINDS[view.scan.channels[index].kind].is_dose else None
    pixels = grey(reduced(plane, view.mm_per_pixel), window)
    raster = Raster(*corner, width, height, pixels, palette)
    doses = view.doses(index)
    written = [text for dose in doses for text in labels(view, dose, name, corner)]
    return [raster, *marks(view, doses, name, corner), *written]


def _legend(
    case_id: str, scan: DisplayedCase, lines: Lines, top: float
) -> tuple[list[Line | Text], float]:
    """Lines in words, a row per dose and its name above where there are several; its height."""
    rows = [
        (
            scan.channels[n].name if len(lines) > 1 else "",
            [(line.label, line.colour, line.dash) for line in isodoses.lines if line.is_reached],
        )
        for n, isodoses in lines.items()
    ] or [("", [])]
    if scan.lesion is not None and scan.lesion.any():
        rows[-1][1].append(("lesion mask", LESION, ()))
    items: list[Line | Text] = []
    y = top + 12
    for row, (name, shown) in enumerate(rows):
        if name:
            addition = "" if row else ", also on the images without dose"
            items.append(Text(_EDGE, y, f"Lines of {name}{addition}", 11, WHITE))
            y += _ROW
        for n, (label, colour, dash) in enumerate(shown):
            x = _EDGE + n * 138.0
            items.append(Line(np.array([(x, y - 4), (x + 24, y - 4)]), colour, 2.0, dash))
            items.append(Text(x + 30, y, label, 11, WHITE))
        y += _ROW
    below = f"{case_id}. {RESEARCH_ONLY}"
    return [*items, Text(_EDGE, y + 4, below, 11, PALE)], y + 16 - top


def _description(case_id: str, scan: DisplayedCase, centre: ViewCentre, lines: Lines) -> str:
    names = ", ".join(channel.name for channel in scan.channels)
    point = centre.where(scan.grid)
    text = f"{case_id}: axial, coronal and sagittal planes of {names} through {point}"
    for n, isodoses in lines.items():
        reached = ", ".join(line.label for line in isodoses.lines if line.is_reached)
        text += f"; isodose lines of {scan.channels[n].name} {reached}"
    if lines:
        text += f"; {reference_of(scan, lines)}"
    return f"{text}. {RESEARCH_ONLY}"


def reference_of(scan: DisplayedCase, lines: Lines) -> str:
    """Meaning of 100 %, for each dose by its name if they differ."""
    references = {scan.channels[n].name: isodoses.reference for n, isodoses in lines.items()}
    if len(set(references.values())) == 1:
        return next(iter(references.values()))
    return "; ".join(f"{name}: {text}" for name, text in references.items())


def _row_head(channel: Channel, window: tuple[float, float], top: float) -> list[Item]:
    """Name of a row, and a bar with the values of its colours or greys."""
    kind, y = KINDS[channel.kind], top + 14
    items: list[Item] = [Text(_EDGE, y, channel.name, 13, WHITE)]
    if kind.is_mask:
        return items
    low, high = (_short(value) for value in window)
    unit = channel.unit or kind.unit
    right = _WIDTH - _EDGE
    end = f"{high} {unit}".strip()
    start = right - _LETTER * len(end) - _BAR
    ramp = np.arange(256, dtype=np.uint8)[None].repeat(8, axis=0)
    return [
        *items,
        Text(start - 6, y, low, 11, WHITE, "end"),
        Raster(start, y - 9, _BAR, 9, ramp, _inferno() if kind.is_dose else None),
        Text(start + _BAR + 6, y, end, 11, WHITE),
    ]


def _short(value: float) -> str:
    if abs(value) >= _LONG:
        return f"{value:.3g}"
    return number(round(value, 1) if abs(value) >= 1 else value)


def _inferno() -> NDArray[np.uint8]:
    """Colours of a dose, shape (256, 3): black where there is none."""
    colours = np.asarray(mpl.colormaps["inferno"](np.linspace(0, 1, 256)))
    return np.asarray(np.round(255 * _DIMMED * colours[:, :3]), dtype=np.uint8)
