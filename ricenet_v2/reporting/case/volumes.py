"""The volumes of a case for the viewer: reduced, as bytes, inside a script of their own.

A page that is opened from disk may not fetch files beside it, but it may load scripts: so each
case has one, which only its own page loads.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.scratch import scratch_folder
from ricenet_v2.core.types import Image, Mask, Shape, Triple
from ricenet_v2.preprocessing.resample import new_shape, resample
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.reporting.case.centre import ViewCentre
from ricenet_v2.reporting.case.isodose import Isodoses
from ricenet_v2.reporting.case.panel import LESION, Lines
from ricenet_v2.reporting.case.scan import DisplayedCase, ShownMap
from ricenet_v2.reporting.case.windows import CT_RANGE, window_of
from ricenet_v2.store.images import write_image

FINEST_MM = 2.0
"""Spacing of the volumes where their size does not matter."""
_BYTES_PER_VOXEL = 0.45  # of one channel, compressed and as base64; where more, it is reduced again
_TOO_LARGE = 1.02
_FEWEST = 16  # voxels along the longest axis; fewer would show nothing
_GREYS = 128  # half of a screen's: noise that nobody sees would not be compressed
_CT_STEP = 2.0  # HU: 40 greys in the window of a brain
_DOSE_STEPS = 250
_MAP_STEPS = 127  # to either side of 0
_MAP_PERCENTILE = 99.5  # a single voxel must not make all others pale


@dataclass(frozen=True)
class Volumes:
    """A script that sets `window.ricenetCase`, and its spacing, mm along (z, y, x)."""

    script: str
    spacing: Triple


def volumes_of(
    case_id: str, scan: DisplayedCase, centre: ViewCentre, lines: Lines, n_bytes: float
) -> Volumes:
    """The volumes of a case as a script.

    Args:
        case_id: The case.
        scan: Its images.
        centre: Where the cross stands at first.
        lines: Isodose lines of each dose.
        n_bytes: About what the script may take; the spacing grows until it fits.
    """
    spacing = spacing_for(scan, n_bytes)
    text = _script(case_id, scan, centre, lines, spacing)
    while len(text) > _TOO_LARGE * n_bytes and max(scan.grid.extent) > _FEWEST * max(spacing):
        larger = (len(text) / n_bytes) ** (1 / 3)
        spacing = (spacing[0] * larger, spacing[1] * larger, spacing[2] * larger)
        text = _script(case_id, scan, centre, lines, spacing)
    return Volumes(text, spacing)


def _script(
    case_id: str, scan: DisplayedCase, centre: ViewCentre, lines: Lines, spacing: Triple
) -> str:
    shape = new_shape(scan.grid.shape, scan.grid.spacing, spacing)
    grid = _reduced_grid(scan.grid, shape)
    volumes = [
        {**_volume(channel, voxels, scan.grid, grid), **_isodoses(lines.get(n))}
        for n, (channel, voxels) in enumerate(zip(scan.channels, scan.voxels, strict=True))
    ]
    if scan.lesion is not None and scan.lesion.any():
        volumes.append(_lesion(scan.lesion, scan.grid))
    volumes += [_map(shown_map, scan.grid, grid) for shown_map in scan.maps]
    x, y, z = scan.grid.world(centre.index)
    content = {
        "case": case_id,
        "spacing": [round(float(mm), 2) for mm in grid.spacing],
        "centre": [round(-float(x), 2), round(-float(y), 2), round(float(z), 2)],  # RAS
        "volumes": volumes,
    }
    # Names are chosen by users: no text may end the script early.
    text = json.dumps(content).replace("<", "\\u003c")
    return f"window.ricenetCase = {text};\n"


def spacing_for(scan: DisplayedCase, n_bytes: float) -> Triple:
    """Along (z, y, x) in mm: never finer than the images or `FINEST_MM`, coarse enough to fit."""
    z, y, x = scan.grid.extent
    fitting = (
        z * y * x * (len(scan.channels) + len(scan.maps)) * _BYTES_PER_VOXEL / max(n_bytes, 1.0)
    ) ** (1 / 3)
    least = max(FINEST_MM, fitting)
    a, b, c = (max(least, mm) for mm in scan.grid.spacing)
    return a, b, c


def _reduced_grid(grid: Grid, shape: Shape) -> Grid:
    """The grid of that many voxels over the same extent."""
    steps = [mm / n for mm, n in zip(grid.extent, shape, strict=True)]
    first = [(step / mm - 1) / 2 for step, mm in zip(steps, grid.spacing, strict=True)]
    x, y, z = grid.world((first[0], first[1], first[2]))
    spacing = (steps[0], steps[1], steps[2])
    return Grid(shape, spacing, (float(x), float(y), float(z)), grid.direction)


def _volume(channel: Channel, voxels: Image, whole: Grid, grid: Grid) -> dict[str, Any]:
    kind = KINDS[channel.kind]
    resampled = resample(voxels, grid.shape, "nearest" if kind.is_mask else "linear", whole.spacing)
    window = window_of(channel, voxels)
    low, high = _stored_range(channel, voxels, window)
    step = (high - low) / (_DOSE_STEPS if kind.is_dose else _GREYS - 1)
    if kind.is_hounsfield:
        step = min(step, _CT_STEP)
    most = round((high - low) / step)
    stored = np.round(np.clip((resampled - low) / step, 0, most))
    stored = stored.astype(np.uint8 if most < 256 else np.int16)
    unit = channel.unit or kind.unit
    scale, limits = (low, step), (0.0, float(most))
    entry = _entry(channel.name, channel.kind, unit, stored, grid, scale, limits)
    is_empty = kind.is_dose and not bool((voxels > 0).any())
    return {
        **entry,
        "window": window,
        "anatomy": kind.is_anatomy,
        "hounsfield": kind.is_hounsfield,
        "empty": is_empty,
    }


def _stored_range(
    channel: Channel, voxels: Image, window: tuple[float, float]
) -> tuple[float, float]:
    """Stored range of an image: of a CT more than its first window, for the other windows."""
    if not KINDS[channel.kind].is_hounsfield:
        return window
    low, high = max(float(voxels.min()), CT_RANGE[0]), min(float(voxels.max()), CT_RANGE[1])
    return min(low, window[0]), max(high, window[1])


def _isodoses(isodoses: Isodoses | None) -> dict[str, Any]:
    """Lines that a dose reaches, as the viewer draws them."""
    lines = [] if isodoses is None else [line for line in isodoses.lines if line.is_reached]
    return {
        "lines": [
            {
                "gray": line.gray,
                "label": line.label,
                "short": line.short,
                "colour": line.colour,
                "dash": line.dash,
            }
            for line in lines
        ]
    }


def _lesion(lesion: Mask, whole: Grid) -> dict[str, Any]:
    """The mask as fine as it is, for its outline: the part around it takes little."""
    inside = np.argwhere(lesion)
    start, stop = inside.min(axis=0), inside.max(axis=0) + 1
    box = tuple(slice(int(a), int(b)) for a, b in zip(start, stop, strict=True))
    stored = np.pad(lesion[box].astype(np.uint8), 1)  # so that the outline is closed
    x, y, z = whole.world((float(start[0]) - 1, float(start[1]) - 1, float(start[2]) - 1))
    depth, height, width = stored.shape
    origin = (float(x), float(y), float(z))
    grid = Grid((depth, height, width), whole.spacing, origin, whole.direction)
    entry = _entry("lesion mask", "lesion", "", stored, grid, (0.0, 1.0), (0.0, 1.0))
    return {**entry, "colour": LESION}


def _map(shown_map: ShownMap, whole: Grid, grid: Grid) -> dict[str, Any]:
    """A map whose sign counts: 0 is the middle of what is stored."""
    most = map_limit(shown_map.voxels)
    resampled = resample(shown_map.voxels, grid.shape, "linear", whole.spacing)
    stored = np.round(_MAP_STEPS * (1 + np.clip(resampled / most, -1, 1))).astype(np.uint8)
    scale = (-most, most / _MAP_STEPS)
    volume = shown_map.volume
    entry = _entry(volume.name, "map", volume.unit, stored, grid, scale, (0.0, 2.0 * _MAP_STEPS))
    return {**entry, "words": volume.words}


def map_limit(voxels: Image) -> float:
    """The absolute value at which the colours of a map end."""
    nonzero = np.abs(voxels[voxels != 0])
    if nonzero.size == 0:
        return 1.0
    return max(float(np.percentile(nonzero, _MAP_PERCENTILE)), 1e-6)


def _entry(
    name: str,
    kind: str,
    unit: str,
    stored: NDArray[np.uint8] | NDArray[np.int16],
    grid: Grid,
    scale: tuple[float, float],
    window: tuple[float, float],
) -> dict[str, Any]:
    """Entry of a volume for the viewer; a value is `offset + step * stored`."""
    return {
        "name": name,
        "kind": kind,
        "unit": unit,
        "offset": scale[0],
        "step": scale[1],
        "low": window[0],
        "high": window[1],
        "data": base64.b64encode(_nifti(stored, grid)).decode(),
    }


def _nifti(stored: NDArray[np.uint8] | NDArray[np.int16], grid: Grid) -> bytes:
    """A compressed NIfTI file."""
    with scratch_folder() as folder:
        path = folder / "volume.nii.gz"
        write_image(path, stored, grid)
        return path.read_bytes()
