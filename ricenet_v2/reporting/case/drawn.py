"""The images of one case, read and drawn; nothing is written, since that may be given up."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.report import SectionVolume
from ricenet_v2.reporting.case.centre import ViewCentre, find_centre
from ricenet_v2.reporting.case.isodose import isodoses
from ricenet_v2.reporting.case.panel import Lines
from ricenet_v2.reporting.case.picture import case_scene, reference_of
from ricenet_v2.reporting.case.scan import DisplayedCase, read_scan
from ricenet_v2.reporting.case.scene import Scene, svg
from ricenet_v2.reporting.case.volumes import volumes_of
from ricenet_v2.store.raw import RawDataset

_FINEST_PIXEL, _COARSEST_PIXEL = 1.0, 8.0
_PICTURE_SHARE = 0.5
_PLANE = re.compile(r"base64,[^\"]+")


@dataclass(frozen=True)
class DrawnCase:
    """Picture and volumes of a case.

    Attributes:
        scene: The picture.
        svg: Its text.
        script: Script that holds the volumes.
        spacing: Spacing of the volumes, mm along (z, y, x).
        note: Description of the picture, in words.
        reference: Meaning of 100 % of the dose, in words; empty without a dose.
        left_out: Maps that are not shown, with the reason, in words.
        flags: Remarks on the images for the reader, in words.
    """

    scene: Scene
    svg: str
    script: str
    spacing: tuple[float, float, float]
    note: str
    reference: str
    left_out: tuple[str, ...]
    flags: tuple[str, ...]


def draw(
    raw: RawDataset,
    case: Case,
    maps: Sequence[tuple[SectionVolume, Path]],
    record: PreprocessedCase | None,
    plan: Plan | None,
    n_bytes: float | None,
) -> DrawnCase:
    """Read and draw a case.

    Args:
        raw: The dataset.
        case: The case.
        maps: Maps of other commands and their files.
        record: Record of its preprocessed images, which are compared with the images.
        plan: Plan by which they were preprocessed.
        n_bytes: Largest size of picture and volumes; None leaves them in full.

    Raises:
        RicenetError: The images cannot be read, see `read_scan`.
    """
    scan = read_scan(raw, case, maps, record, plan)
    centre = find_centre(scan)
    doses = [
        (n, scan.voxels[n])
        for n, channel in enumerate(scan.channels)
        if KINDS[channel.kind].is_dose
    ]
    lines = {n: isolines for n, dose in doses if (isolines := isodoses(case.covariates, dose))}
    budget = math.inf if n_bytes is None else n_bytes
    scene, text = _fitting_scene(case.case_id, scan, centre, lines, _PICTURE_SHARE * budget)
    left = max(budget - len(text), (1 - _PICTURE_SHARE) * budget)
    volumes = volumes_of(case.case_id, scan, centre, lines, left)
    note = f"Through {centre.where(scan.grid)}. "
    reference = f"{reference_of(scan, lines)}." if lines else ""
    note += f"{reference} " if reference else ""
    note += (
        "The patient's left is on the right of axial and coronal planes; marks at the edge show "
        "where the other planes lie."
    )
    return DrawnCase(
        scene, text, volumes.script, volumes.spacing, note, reference, scan.left_out, scan.flags
    )


def _fitting_scene(
    case_id: str, scan: DisplayedCase, centre: ViewCentre, lines: Lines, n_bytes: float
) -> tuple[Scene, str]:
    """The picture and its SVG, with pixels so large that it takes no more than `n_bytes`."""
    pixel = _FINEST_PIXEL
    while True:
        scene = case_scene(case_id, scan, centre, lines, pixel)
        text = svg(scene)
        if len(text) <= n_bytes or pixel >= _COARSEST_PIXEL:
            return scene, text
        # Lines stay as they are; planes take the fewer bytes the larger their pixels.
        planes = sum(map(len, _PLANE.findall(text)))
        left = max(n_bytes - (len(text) - planes), 0.1 * n_bytes)
        pixel = min(pixel * max(1.15, 1.05 * math.sqrt(planes / left)), _COARSEST_PIXEL)
