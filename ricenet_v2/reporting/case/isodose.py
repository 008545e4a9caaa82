"""Isodose lines: which doses, of what they are shares, how they look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ricenet_v2.core.types import Image
from ricenet_v2.records.prescription import FullDose, full_dose
from ricenet_v2.reporting.formatting import number

_SHARES: tuple[tuple[int, str, tuple[float, ...]], ...] = (
    (95, "#ff7043", ()),
    (80, "#ffd54f", (7.0, 2.5)),
    (50, "#4dd6a0", (4.0, 2.5)),
    (20, "#6cb8ff", (1.5, 2.5)),
)


@dataclass(frozen=True)
class Isodose:
    """One line: percent of the reference, Gy, colour, and dashes (none for a solid line)."""

    percent: int
    gray: float
    colour: str
    dash: tuple[float, ...]
    is_reached: bool

    @property
    def label(self) -> str:
        """`95 % (57 Gy)`."""
        return f"{self.percent} % ({self.short} Gy)"

    @property
    def short(self) -> str:
        """`57`: the dose in Gy, as it stands on the line."""
        return number(round(self.gray, 1))


@dataclass(frozen=True)
class Isodoses:
    """All lines of a case, the hottest first, and what 100 % is, in words."""

    lines: tuple[Isodose, ...]
    reference: str


def isodoses(covariates: Mapping[str, str], dose: Image) -> Isodoses | None:
    """The 95, 80, 50 and 20 % lines of the prescription, else of the plateau of the dose.

    Args:
        covariates: Covariates of the case, which may state the prescription.
        dose: Gy, axes (z, y, x).

    Returns:
        None where there is no dose at all.
    """
    full = full_dose(covariates, dose)
    if full is None:
        return None
    most = float(dose.max())
    lines = tuple(
        Isodose(percent, gray := full.gray * percent / 100, colour, dash, most >= gray)
        for percent, colour, dash in _SHARES
    )
    return Isodoses(lines, reference_text(full))


def reference_text(full: FullDose) -> str:
    """Meaning of 100 %, as a sentence."""
    if full.is_prescribed:
        return f"100 % is the prescription, {number(full.gray)} Gy"
    rounded = number(round(full.gray, 1))
    return f"100 % is the 99.9th percentile of the dose, {rounded} Gy: no prescription is known"
