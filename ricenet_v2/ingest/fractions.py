"""Whether a dose is of one fraction or of the whole treatment: the numbers decide.

Exporters differ in the words of a header. The near-maximum of the dose, times 1 or times the number
of fractions, over the prescription lies in a range that only one of the two fits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image

RATIOS = (0.85, 2.2)
"""Near-maximum over prescription; radiosurgery prescribes to isodoses down to 50 %."""
NEAR_MAXIMUM_MM3 = 100.0
"""The near-maximum is the lowest dose in the hottest 0.1 cm3: a percentile would depend on how
large the grid is."""
_LOW, _PART, _HIGH, _IMPOSSIBLE = 10.0, 30.0, 80.0, 200.0


@dataclass(frozen=True)
class FactorChoice:
    """Factor by which a dose is multiplied.

    Attributes:
        times_fractions: Whether by the number of fractions, else by 1.
        reason: Reason in words.
    """

    times_fractions: bool
    reason: str


def near_maximum(gy: Image, grid: Grid) -> float:
    """The lowest dose in the hottest 0.1 cm3, Gy."""
    count = max(1, math.ceil(NEAR_MAXIMUM_MM3 / math.prod(grid.spacing) - 1e-6))
    values = gy.ravel()
    at = max(0, values.size - count)
    return float(np.partition(values, at)[at])


def choose_factor(
    once: float, times_n: float, prescription_gy: float, fractions: int, file: Path | None = None
) -> FactorChoice:
    """Choose between the dose as it is and that times the fractions.

    Args:
        once: Near-maximum of the dose as it is, Gy.
        times_n: Near-maximum of the dose times the fractions, Gy.
        prescription_gy: Prescription in Gy of the plan.
        fractions: Fractions of the plan.
        file: File for messages.

    Raises:
        DatasetError: Neither fits the prescription, or both do.
    """
    ratios = once / prescription_gy, times_n / prescription_gy
    fits = [RATIOS[0] <= ratio <= RATIOS[1] for ratio in ratios]
    if fractions == 1:
        fits[1] = False
    text = (
        f"near-maximum {once:.4g} Gy is {ratios[0]:.3g} of the prescription of "
        f"{prescription_gy:g} Gy, and {ratios[1]:.3g} times {fractions} fractions"
    )
    if sum(fits) == 1:
        return FactorChoice(fits[1], text)
    raise DatasetError(
        "Cannot determine whether this dose is that of one fraction or of all.",
        file=file,
        expected=f"exactly one of the two within {RATIOS[0]} to {RATIOS[1]} of the prescription",
        got=text,
        remedy="Look at the plan, and write factor, fractions and prescription into the manifest. "
        "For a dose that is an image, check whether dose_unit is right.",
    )


def check_maximum(gy: Image, file: Path | None = None) -> list[str]:
    """Warnings about the maximum of a whole treatment.

    Raises:
        DatasetError: No treatment of the brain gives as much.
    """
    highest = float(gy.max(initial=0))
    if highest > _IMPOSSIBLE:
        raise DatasetError(
            "This dose is too high.",
            file=file,
            expected=f"at most {_IMPOSSIBLE:g} Gy",
            got=f"{highest:.4g} Gy",
            remedy="Check whether it is in cGy, or multiplied by the fractions twice.",
        )
    if highest < _LOW:
        return [f"maximum of {highest:.4g} Gy: of one fraction, or relative?"]
    if highest < _PART:
        return [f"maximum of {highest:.4g} Gy: part of a course?"]
    return [f"maximum of {highest:.4g} Gy is high"] if highest > _HIGH else []


def eqd2(gy: Image, fractions: int, alpha_beta: float = 2.0) -> Image:
    """Dose of the same effect in fractions of 2 Gy: D (D / n + ab) / (2 + ab).

    Args:
        gy: Dose in Gy of one plan, before plans are summed.
        fractions: n, of the plan.
        alpha_beta: ab in Gy: 2 of brain, 10 of tumour.
    """
    result: Image = gy * (gy / np.float32(fractions) + np.float32(alpha_beta))
    return result / np.float32(2 + alpha_beta)


def listed(numbers: Sequence[int]) -> str:
    """Numbers in a text."""
    return ", ".join(str(number) for number in numbers) or "none"
