"""Legend of the picture of a converted case."""

from __future__ import annotations

import numpy as np

from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.reporting.case.panel import LESION, PALE, WHITE, View
from ricenet_v2.reporting.case.picture import reference_of
from ricenet_v2.reporting.case.scene import Item, Line, Text
from ricenet_v2.reporting.conversion.compared import EDGE
from ricenet_v2.reporting.formatting import RESEARCH_ONLY, percent

BRAIN = "#8dff9a"
_LEFT, _STEP, _A_ROW, _ROW = 12.0, 122.0, 6, 18.0


def legend(view: View, provenance: CaseProvenance, top: float) -> tuple[list[Item], float]:
    """Lines in words, the point of the planes, and the case.

    Args:
        view: The picture.
        provenance: Provenance of the case.
        top: Where the legend begins.

    Returns:
        What is drawn, and its height.
    """
    items: list[Item] = []
    y = top + 12
    for n, (label, colour, dash) in enumerate(_entries(view, provenance)):
        if n and n % _A_ROW == 0:
            y += _ROW
        x = _LEFT + n % _A_ROW * _STEP
        items.append(Line(np.array([(x, y - 4), (x + 24, y - 4)]), colour, 2.0, dash))
        items.append(Text(x + 30, y, label, 11, WHITE))
    for text in _texts(view, provenance):
        y += _ROW
        items.append(Text(_LEFT, y, text, 11, PALE))
    return items, y + 12 - top


def _entries(view: View, provenance: CaseProvenance) -> list[tuple[str, str, tuple[float, ...]]]:
    """Label, colour and dashes of each kind of line."""
    entries: list[tuple[str, str, tuple[float, ...]]] = [
        (line.label, line.colour, line.dash)
        for isodoses in view.lines.values()
        for line in isodoses.lines
        if line.is_reached
    ]
    lesion = view.scan.lesion
    if lesion is not None and lesion.any():
        entries.append(("lesion", LESION, ()))
    entries.append(("brain" if provenance.is_stripped else "region", BRAIN, ()))
    if sum(KINDS[channel.kind].is_anatomy for channel in view.scan.channels) > 1:
        entries.append(("edges", EDGE, ()))
    return entries


def _texts(view: View, provenance: CaseProvenance) -> list[str]:
    where = f"Through {view.centre.where(view.scan.grid)}. The patient's left is on the right."
    dose = f"{reference_of(view.scan, view.lines)}. " if view.lines else ""
    if provenance.dose_covered is not None:
        share = percent(provenance.dose_covered)
        dose += f"{share} of the brain lies in the grid of the dose."
    case = f"{provenance.case_id}. Brain: {provenance.brain}. {RESEARCH_ONLY}"
    return [text for text in (where, dose, case) if text]
