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
from ricenet_v2.core.types import Image, Shape, Triple
from ricenet_v2.preprocessing.resample import new_shape, resample, resample_mask
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.reporting.case.centre import ViewCentre
from ricenet_v2.reporting.case.picture import window_of
from ricenet_v2.reporting.case.scan import DisplayedCase, ShownMap
from ricenet_v2.store.images import write_image

FINEST_MM = 2.0
"""Spacing of the volumes where their size does not matter."""
_BYTES_PER_VOXEL = 0.45  # of one channel, compressed and as base64; where more, it is reduced again
_TOO_LARGE = 1.02
_FEWEST = 16  # voxels along the longest axis; fewer would show nothing
_GREYS = 64  # noise that no screen shows would not be compressed
_DOSE_STEPS = 250
_MAP_STEPS = 127  # to either side of 0
_MAP_PERCENTILE = 99.5  # a single voxel must not make all others pale


@dataclass(frozen=True)
class Volumes:
    """A script that sets `window.ricenetCase`, and its spacing, mm along (z, y, x)."""

    script: str
    spacing: Triple


def volumes_of(case_id: str, scan: DisplayedCase, centre: ViewCentre, n_bytes: float) -> Volumes:
    """The volumes of a case as a script.

    Args:
        case_id: The case.
        scan: Its images.
        centre: Where the cross stands at first.
        n_bytes: About what the script may take; the spacing grows until it fits.
    """
    spacing = spacing_for(scan, n_bytes)
    text = _script(case_id, scan, centre, spacing)
    while len(text) > _TOO_LARGE * n_bytes and max(scan.grid.extent) > _FEWEST * max(spacing):
        larger = (len(text) / n_bytes) ** (1 / 3)
        spacing = (spacing[0] * larger, spacing[1] * larger, spacing[2] * larger)
        text = _script(case_id, scan, centre, spacing)
    return Volumes(text, spacing)


def _script(case_id: str, scan: DisplayedCase, centre: ViewCentre, spacing: Triple) -> str:
    shape = new_shape(scan.grid.shape, scan.grid.spacing, spacing)
    grid = _reduced_grid(scan.grid, shape)
    volumes = [
        _volume(channel, voxels, scan.grid, grid)
        for channel, voxels in zip(scan.channels, scan.voxels, strict=True)
    ]
    if scan.lesion is not None and scan.lesion.any():
        lesion = resample_mask(scan.lesion, shape).astype(np.uint8)
        volumes.append(_entry("lesion mask", "lesion", "", lesion, grid, (0.0, 1.0), (0.0, 1.0)))
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
    resampled = resample(
        voxels, grid.shape, "nearest" if KINDS[channel.kind].is_mask else "linear", whole.spacing
    )
    low, high = window_of(channel, voxels)
    steps = _DOSE_STEPS if KINDS[channel.kind].is_dose else _GREYS - 1
    stored = np.round(steps * np.clip((resampled - low) / (high - low), 0, 1)).astype(np.uint8)
    unit = channel.unit or KINDS[channel.kind].unit
    scale = (low, (high - low) / steps)
    return _entry(channel.name, channel.kind, unit, stored, grid, scale, (0.0, float(steps)))


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
    stored: NDArray[np.uint8],
    grid: Grid,
    scale: tuple[float, float],
    window: tuple[float, float],
) -> dict[str, Any]:
    """What the viewer needs of a volume; a value is `offset + step * stored`."""
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


def _nifti(stored: NDArray[np.uint8], grid: Grid) -> bytes:
    """A compressed NIfTI file."""
    with scratch_folder() as folder:
        path = folder / "volume.nii.gz"
        write_image(path, stored, grid)
        return path.read_bytes()
