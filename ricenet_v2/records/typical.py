"""Usual ranges among the cases of a cohort, and outliers."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

LEAST_CASES = 10
"""Number of cases below which a cohort is too small to say what is usual."""
_DEVIATIONS = 5.0
_PER_MAD = 1.4826
"""Standard deviations of a normal distribution in one median absolute deviation."""


def usual_range(values: Sequence[float], factor: float) -> tuple[float, float] | None:
    """Smallest and largest usual value of a positive quantity.

    Five robust standard deviations about the median of the logarithms (median absolute deviation,
    Iglewicz and Hoaglin 1993), and at least a factor, since many cohorts hardly differ.

    Args:
        values: One for each case; those that are not above 0 are left out.
        factor: Factor from the median up to which a value is usual.

    Returns:
        None with fewer than `LEAST_CASES` values.
    """
    logs = np.log([value for value in values if value > 0])
    if len(logs) < LEAST_CASES:
        return None
    middle = float(np.median(logs))
    deviation = _PER_MAD * float(np.median(np.abs(logs - middle)))
    reach = max(_DEVIATIONS * deviation, float(np.log(factor)))
    return float(np.exp(middle - reach)), float(np.exp(middle + reach))


def sizes_of(
    extent: Sequence[float], spacing: Sequence[float], volume_ml: float, region: str
) -> dict[str, float]:
    """Sizes of a case that are compared within a cohort, by name.

    Args:
        extent: mm along (z, y, x).
        spacing: mm along (z, y, x).
        volume_ml: Volume in ml of the patient in the image; 0 if unknown.
        region: Region by which the patient was segmented, e.g. `brain mask`.
    """
    sizes = {f"extent along {axis}, mm": mm for axis, mm in zip("zyx", extent, strict=True)}
    sizes |= {f"spacing along {axis}, mm": mm for axis, mm in zip("zyx", spacing, strict=True)}
    return sizes | ({volume_of(region): volume_ml} if volume_ml > 0 else {})


def volume_of(what: str) -> str:
    """Name of the volume of a region or mask, e.g. `volume of the brain mask, mL`."""
    return f"volume of the {what}, mL"


def factor_of(quantity: str) -> float:
    """Factor from the median within which a quantity of `sizes_of` is never unusual."""
    return 2.0 if quantity.startswith("volume") else 1.5
