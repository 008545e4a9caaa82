"""Margin of each image of a case before it would be refused."""

from __future__ import annotations

import math

from ricenet_v2.ingest.checks import RegistrationCheck, bound_of
from ricenet_v2.records.provenance import CaseProvenance, RegisteredImage


def checked(case: CaseProvenance) -> list[tuple[RegisteredImage, float]]:
    """Registered images that were checked, each with its margin, the smallest first.

    The margin is 0 where the image would be refused, and 1 for a perfect pair.
    """
    pairs = [(each, _margin(case, each)) for each in case.registered]
    there = [(each, margin) for each, margin in pairs if margin is not None]
    return sorted(there, key=lambda pair: pair[1])


def least_margin(case: CaseProvenance) -> float:
    """Margin of its worst image; infinite where none was checked."""
    return min((margin for _, margin in checked(case)), default=math.inf)


def _margin(case: CaseProvenance, each: RegisteredImage) -> float | None:
    correlation, shifted = each.correlation, each.shifted
    mirrored, covered = each.mirrored, each.covered
    if correlation is None or shifted is None or mirrored is None or covered is None:
        return None
    kinds = dict(zip(case.channels, case.kinds, strict=True))
    bound = bound_of(kinds.get(each.name, "ct"), case.kinds[0])
    nearby = each.nearby or 0.0
    return RegistrationCheck(correlation, shifted, mirrored, covered, nearby).margin(bound)
