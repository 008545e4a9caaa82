"""Maps of a case over its images: three planes each, with isodose lines and the lesion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.explanation.explained_case import Subject
from ricenet_v2.explanation.map import Map
from ricenet_v2.explanation.quantities.peak import peak
from ricenet_v2.records.explained_case import ALL
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.report import SectionVolume
from ricenet_v2.reporting.case.centre import ViewCentre, find_centre
from ricenet_v2.reporting.case.isodose import isodoses
from ricenet_v2.reporting.case.panel import LESION, PALE, PLANES, WHITE, View, grey, marks, reduced
from ricenet_v2.reporting.case.picture import reference_of
from ricenet_v2.reporting.case.scan import DisplayedCase, ShownMap, crop
from ricenet_v2.reporting.case.scene import Item, Line, Raster, Scene, Text, write_png
from ricenet_v2.reporting.case.volumes import map_limit
from ricenet_v2.reporting.case.windows import window_of
from ricenet_v2.reporting.formatting import RESEARCH_ONLY

FOR, AGAINST = (255, 140, 20), (60, 150, 255)
"""Orange and blue, which eyes that confuse red and green tell apart."""
_WIDTH, _GAP, _EDGE, _HEAD, _LABEL, _ROW = 760.0, 8.0, 12.0, 22.0, 20.0, 18.0
_FAINT, _STRONGEST = 0.06, 0.85
_BAR = 60.0

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class PanelImage:
    """A map on the grid of the images, and the channel that it lies over."""

    map: Map
    voxels: NDArray[np.float32]
    under: int


def write_panels(
    path: Path, subject: Subject, maps: Sequence[PanelImage], target: str, notes: Sequence[str]
) -> str:
    """Write the panels of a case as PNG.

    Args:
        path: The file.
        subject: The case.
        maps: A row each.
        target: Name of the class that is explained.
        notes: Warnings of failed checks; a line each.

    Returns:
        The point that the planes go through, in words.
    """
    scan, centre = _scan(subject, maps)
    write_png(_scene(subject, maps, target, notes, scan, centre), path)
    return centre.where(scan.grid)


def _scene(
    subject: Subject,
    maps: Sequence[PanelImage],
    target: str,
    notes: Sequence[str],
    scan: DisplayedCase,
    centre: ViewCentre,
) -> Scene:
    doses = [n for n, channel in enumerate(scan.channels) if KINDS[channel.kind].is_dose]
    isodose_sets = {n: isodoses(subject.covariates, scan.voxels[n]) for n in doses[:1]}
    lines = {n: isodose_set for n, isodose_set in isodose_sets.items() if isodose_set is not None}
    z, y, x = scan.grid.extent
    scale = (_WIDTH - 2 * _EDGE - 2 * _GAP) / (2 * x + y)
    view = View(scan, centre, lines, max(0.5, min(scan.grid.spacing) / 2), scale)
    left = [_EDGE, _EDGE + x * scale + _GAP, _EDGE + 2 * (x * scale + _GAP)]
    items: list[Item] = [
        Text(at, _HEAD - 7, name, 12, PALE) for at, name in zip(left, PLANES, strict=True)
    ]
    top = _HEAD
    for shown, drawn in zip(maps, scan.maps, strict=True):
        limit = map_limit(drawn.voxels)
        items.append(Text(_EDGE, top + 14, f"{title_of(shown.map)}, colours end at ±{limit:.2g} "
                          f"{shown.map.unit}", 13, WHITE))  # fmt: skip
        for at, name in zip(left, PLANES, strict=True):
            items += _panel(view, shown.under, drawn, limit, name, (at, top + _LABEL))
        top += _LABEL + max(y, z) * scale + _GAP
    below, height = _legend(subject, view, target, notes, top)
    description = _description(subject, maps, target, view)
    return Scene(_WIDTH, top + height, description, (*items, *below))


def title_of(attribution: Map) -> str:
    """Title of a map, for people."""
    name = {
        "occlusion": "occlusion",
        "integrated_gradients": "integrated gradients",
        "hirescam": "HiResCAM",
        "gradcam": "Grad-CAM",
    }[attribution.method]
    if attribution.method not in ("occlusion", "integrated_gradients"):
        return name
    return f"{name}, " + (
        "all channels" if attribution.channel == ALL else f"{attribution.channel} alone"
    )


def _scan(subject: Subject, maps: Sequence[PanelImage]) -> tuple[DisplayedCase, ViewCentre]:
    """Images and maps cropped to the head, and the point that the planes go through."""
    carried = tuple(
        ShownMap(
            SectionVolume(f"{panel.map.name}.nii.gz", panel.map.name, panel.map.unit, ""),
            panel.voxels,
        )
        for panel in maps
    )
    whole = DisplayedCase(
        subject.channels, subject.images, subject.space.grid, subject.lesion_images, carried
    )
    scan = crop(whole, subject.brain_images)
    if scan.lesion is None or not scan.lesion.any():
        return scan, ViewCentre(peak(scan.maps[0].voxels), "the largest value of the first map")
    return scan, find_centre(scan)


def _panel(
    view: View,
    under: int,
    drawn: ShownMap,
    limit: float,
    name: str,
    corner: tuple[float, float],
) -> list[Item]:
    channel, voxels = view.scan.channels[under], view.scan.voxels[under]
    plane = view.plane(voxels, name)
    height, width = (mm * view.scale for mm in plane.size)
    shades = grey(reduced(plane, view.mm_per_pixel), window_of(channel, voxels))
    values = reduced(view.plane(drawn.voxels, name), view.mm_per_pixel)
    pixels = blended(shades, values / limit)
    return [
        Raster(*corner, width, height, pixels),
        *marks(view, view.doses(under), name, corner),
    ]


def blended(shades: Pixels, values: NDArray[np.float32]) -> Pixels:
    """Grey values under the colours of a map, shape (rows, columns, 3).

    Args:
        shades: Axes (rows, columns).
        values: Same axes; 1 is as strong for the class as colours get, -1 against it.
    """
    strength = np.clip((np.abs(values) - _FAINT) / (1 - _FAINT), 0, 1)[..., None] * _STRONGEST
    colour = np.where(values[..., None] > 0, np.array(FOR), np.array(AGAINST))
    mixed = (1 - strength) * shades[..., None] + strength * colour
    return np.asarray(np.round(mixed), dtype=np.uint8)


def _legend(
    subject: Subject, view: View, target: str, notes: Sequence[str], top: float
) -> tuple[list[Item], float]:
    y = top + 12
    bar = np.linspace(-1, 1, 128, dtype=np.float32)[None].repeat(8, axis=0)
    colours = blended(np.full(bar.shape, 40, np.uint8), bar)
    items: list[Item] = [
        Text(_EDGE, y, f"against {target}", 11, WHITE),
        Raster(_EDGE + 180, y - 8, 2 * _BAR, 8, colours),
        Text(_EDGE + 190 + 2 * _BAR, y, f"for {target}", 11, WHITE),
    ]
    y += _ROW
    shown = [
        (line.label, line.colour, line.dash)
        for isodose_set in view.lines.values()
        for line in isodose_set.lines
        if line.is_reached
    ]
    if view.scan.lesion is not None and view.scan.lesion.any():
        shown.append(("lesion mask", LESION, ()))
    for n, (label, colour, dash) in enumerate(shown):
        x = _EDGE + n * 138.0
        items.append(Line(np.array([(x, y - 4), (x + 24, y - 4)]), colour, 2.0, dash))
        items.append(Text(x + 30, y, label, 11, WHITE))
    y += _ROW if shown else 0
    planes = f"Planes through {view.centre.where(view.scan.grid)}."
    items.append(Text(_EDGE, y, planes, 11, WHITE))
    y += _ROW
    for note in notes:
        items.append(Text(_EDGE, y, note, 11, "#ffb27a"))
        y += _ROW
    items.append(Text(_EDGE, y + 4, f"{subject.case_id}. {RESEARCH_ONLY}", 11, PALE))
    return items, y + 16 - top


def _description(subject: Subject, maps: Sequence[PanelImage], target: str, view: View) -> str:
    names = "; ".join(title_of(panel.map) for panel in maps)
    doses = f" {reference_of(view.scan, view.lines)}." if view.lines else ""
    return (
        f"{subject.case_id}: axial, coronal and sagittal planes through "
        f"{view.centre.where(view.scan.grid)}. Orange places speak for {target}, blue ones against "
        f"it. Rows: {names}.{doses} {RESEARCH_ONLY}"
    )
