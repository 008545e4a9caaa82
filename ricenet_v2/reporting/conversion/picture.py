"""The picture of a converted case: do the images fit each other, and where does the dose lie.

It shows no voxel that is not in the dataset, but for the part of the planning CT inside of the
brain mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray
from PIL import Image as Pillow
from PIL import ImageColor

from ricenet_v2.core.files import replacing
from ricenet_v2.core.types import Mask
from ricenet_v2.ingest.case_conversion import ConvertedCase
from ricenet_v2.records.dataset import Channel, ChannelKind
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.reporting.case.centre import find_centre
from ricenet_v2.reporting.case.isodose import Isodoses, isodoses
from ricenet_v2.reporting.case.isodose_labels import labels
from ricenet_v2.reporting.case.panel import (
    PALE,
    PLANES,
    WHITE,
    View,
    outline,
    overlays,
    rim,
)
from ricenet_v2.reporting.case.scan import DisplayedCase, crop
from ricenet_v2.reporting.case.scene import Item, Raster, Scene, Text, png
from ricenet_v2.reporting.conversion.compared import (
    STEPS,
    ComparedImage,
    checkerboard,
    edges_over,
    palette,
    plain,
    window_in,
    without_rim,
)
from ricenet_v2.reporting.conversion.legend import BRAIN, legend
from ricenet_v2.reporting.formatting import RESEARCH_ONLY

MOST_BYTES = 380_000
_WIDTH, _GAP, _EDGE, _HEAD, _LABEL = 760.0, 8.0, 12.0, 22.0, 20.0
_MM_PER_PIXEL = 0.8
_SMALLEST = 0.3
"""Share of its full size below which letters cannot be read."""
_BYTES_TO_SIDE = 0.8
"""A PNG file of noisy images grows a little faster than the length of its sides."""
_DIMMED = (1.0, 0.7, 0.4)
"""Brightness of lines and letters, whose rims are smoothed."""


@dataclass(frozen=True)
class _Shown:
    """A case as it is drawn.

    Attributes:
        view: Channels of the dataset, then planning CTs, then the brain mask.
        images: Voxels of the channels with the grey scale of the brain.
        brain: Cropped as all.
        case: Case to draw.
    """

    view: View
    images: tuple[ComparedImage, ...]
    brain: Mask
    case: ConvertedCase

    @property
    def has_lesion(self) -> bool:
        """Whether there is a lesion to draw."""
        lesion = self.view.scan.lesion
        return lesion is not None and bool(lesion.any())

    def reference(self, view: View, name: str, corner: tuple[float, float]) -> list[Item]:
        """A panel of the reference with the brain, the lesion and the dose."""
        drawn = plain(view, self.images[0], name, corner)
        drawn += outline(view, self.brain, name, corner, BRAIN)
        drawn += overlays(view, list(view.lines), name, corner)
        for n in view.lines:
            drawn += labels(view, n, name, corner)
        return drawn


@dataclass(frozen=True)
class _Row:
    """Three panels; `draw` takes the plane and the upper left of a panel."""

    label: str
    view: View
    draw: Callable[[str, tuple[float, float]], list[Item]]


def write_case_picture(case: ConvertedCase, path: Path) -> None:
    """Write the picture as a PNG file of less than 400 KB, atomically.

    Args:
        case: Case as written into the dataset.
        path: The file.
    """
    scene = case_picture(case)
    large = png(scene)
    colours = Pillow.new("P", (1, 1))
    colours.putpalette(_colours(scene).tobytes())
    with replacing(path) as temporary:
        share = 1.0
        while True:
            size = (round(large.width * share), round(large.height * share))
            image = large.resize(size, Pillow.Resampling.BOX) if share < 1 else large
            few = image.quantize(palette=colours, dither=Pillow.Dither.NONE)
            few.save(temporary)
            n_bytes = temporary.stat().st_size
            if n_bytes <= MOST_BYTES or share <= _SMALLEST:
                break
            share = max(_SMALLEST, 0.98 * share * (MOST_BYTES / n_bytes) ** _BYTES_TO_SIDE)


def _colours(scene: Scene) -> NDArray[np.uint8]:
    """Colours of images, then of lines and letters, pure and dimmed; shape (n, 3)."""
    names = dict.fromkeys(i.colour for i in scene.items if not isinstance(i, Raster))
    pure = np.array([ImageColor.getrgb(name) for name in names], dtype=np.float64).reshape(-1, 3)
    dimmed = [np.round(share * pure).astype(np.uint8) for share in _DIMMED]
    return np.concatenate([palette()[: 2 * STEPS], *dimmed])


def case_picture(case: ConvertedCase) -> Scene:
    """Rows of axial, coronal and sagittal planes through the lesion, the dose, or the middle."""
    shown = _shown(case)
    view, scan = shown.view, shown.view.scan
    left = _columns(view)
    items: list[Item] = [Text(left[name], _HEAD - 7, name, 12, PALE) for name in PLANES]
    top = _HEAD
    for row in _rows(shown):
        items.append(Text(_EDGE, top + 14, row.label.strip(), 12, WHITE))
        for name in PLANES:
            corner = (left[name], top + _LABEL)
            items += [*row.draw(name, corner), *rim(row.view, name, corner)]
        z, y, _ = scan.grid.extent
        top = round(top + _LABEL + max(y, z) * view.scale + _GAP, 1)
    below, height = legend(view, case.provenance, top)
    names = ", ".join(channel.name for channel in scan.channels[:-1])
    where = view.centre.where(scan.grid)
    words = f"{case.provenance.case_id}: {names}, through {where}. {RESEARCH_ONLY}"
    return Scene(_WIDTH, top + height, words, (*items, *below))


def _shown(case: ConvertedCase) -> _Shown:
    provenance = case.provenance
    named = zip(provenance.channels, provenance.kinds, strict=True)
    channels = [
        *(Channel(name, cast("ChannelKind", kind)) for name, kind in named),
        *(Channel(bridge.name, bridge.kind) for bridge in case.bridges),
        Channel("brain", "mask"),
    ]
    brain = case.masks["brain"]
    voxels = [*case.channels, *(bridge.voxels for bridge in case.bridges)]
    scan = crop(
        DisplayedCase(
            tuple(channels),
            (*voxels, brain.astype(np.float32)),
            case.grid,
            case.masks.get("lesion"),
        ),
        brain,
    )
    centre = find_centre(scan)
    lines: dict[int, Isodoses] = {}
    for n, channel in enumerate(scan.channels):
        if KINDS[channel.kind].is_dose:
            drawn = isodoses(provenance.covariates, scan.voxels[n])
            lines |= {} if drawn is None else {n: drawn}
    _, y, x = scan.grid.extent
    scale = (_WIDTH - 2 * _EDGE - 2 * _GAP) / (2 * x + y)
    view = View(scan, centre, lines, _MM_PER_PIXEL, scale)
    cropped = scan.voxels[-1] > 0.5
    core = without_rim(cropped, scan.grid.spacing)
    images = tuple(ComparedImage(voxels, window_in(voxels, core)) for voxels in scan.voxels)
    return _Shown(view, images, cropped, case)


def _columns(view: View) -> dict[str, float]:
    x = view.scan.grid.extent[2] * view.scale
    left = {"axial": _EDGE, "coronal": round(_EDGE + x + _GAP, 1)}
    return left | {"sagittal": round(left["coronal"] + x + _GAP, 1)}


def _rows(shown: _Shown) -> Iterator[_Row]:
    view, channels = shown.view, shown.view.scan.channels
    provenance = shown.case.provenance
    first, reference = channels[0].name, shown.images[0]
    outlines = ["brain" if provenance.is_stripped else "region"]
    outlines += ["lesion"] if shown.has_lesion else []
    lines = ", with isodose lines in Gy" if view.lines else ""
    text = f"{first}, the reference{lines}; outline of {', '.join(outlines)}"
    yield _Row(text, view, partial(shown.reference, view))
    hottest = find_centre(replace(view.scan, lesion=None))
    if view.lines and hottest.index != view.centre.index:
        text = f"The same through {hottest.where(view.scan.grid)}"
        there = replace(view, centre=hottest)
        yield _Row(text, there, partial(shown.reference, there))
    for n in range(1, len(channels) - 1):
        if not KINDS[channels[n].kind].is_anatomy:
            continue
        name, other = channels[n].name, shown.images[n]
        text = f"{first} in grey tiles, {name} in amber ones. {_checks(provenance, name)}"
        yield _Row(text, view, partial(checkerboard, view, reference, other))
        text = f"{name} with edges of {first}, which should lie on its own"
        yield _Row(text, view, partial(edges_over, view, reference, other, shown.brain))


def _checks(case: CaseProvenance, name: str) -> str:
    """The checks of a registered image in words; empty where it was not checked."""
    each = next((e for e in case.registered if e.name == name and e.correlation is not None), None)
    return (
        ""
        if each is None
        else (
            f"Correlation {each.correlation or 0:.2f}, moved by 4 mm {each.shifted or 0:.2f}, "
            f"mirrored {each.mirrored or 0:.2f}"
        )
    )
