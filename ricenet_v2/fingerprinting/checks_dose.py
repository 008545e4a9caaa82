"""Is a dose channel the cumulative dose of the whole treatment in Gy?

Limits as of the clinical notes on radiotherapy of the brain: courses end near 60 Gy (40.05 Gy in
15 fractions for the frail), a single fraction stays below 10 Gy unless it is radiosurgery, and
200 Gy is beyond any treatment, hence centigray.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.fingerprinting.findings import DATASET, Place, error, warning
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.integrity import Finding
from ricenet_v2.records.prescription import FRACTIONS_COLUMN, positive

CENTIGRAY_ABOVE = 200.0
HIGH_ABOVE = 80.0
COURSE_BELOW = 30.0
FRACTION_BELOW = 10.0
RELATIVE_UP_TO = 1.5
EXPECTED = "the cumulative dose of the whole treatment in Gy, with a maximum of 30 to 80 Gy"


def check_unit(channel: Channel) -> list[Finding]:
    """A dose channel states its unit, and the unit is Gy."""
    if channel.unit == "Gy":
        return []
    if channel.unit is None:
        return [
            warning(
                "dose unit",
                DATASET,
                found=f"channel {channel.name} has no unit; Gy is assumed",
                expected='"unit": "Gy"',
                remedy="Write the unit into dataset.json.",
            )
        ]
    relative = channel.unit.upper() == "RELATIVE"
    return [
        error(
            "dose unit",
            DATASET,
            found=f"channel {channel.name} has the unit {channel.unit}",
            expected='"unit": "Gy"',
            remedy="Multiply each map by the dose in Gy that 1.0 stands for, then state Gy."
            if relative
            else "Convert the maps to Gy, then state Gy in dataset.json.",
        )
    ]


def check_dose(
    dose: NDArray[np.float32], place: Place, covariates: Mapping[str, str]
) -> list[Finding]:
    """Negative values, and a maximum that does not look like a whole course in Gy.

    Args:
        dose: Finite, not constant, axes (z, y, x).
        place: Case and file.
        covariates: Of the case; `fractions` makes the advice concrete.
    """
    negative = int(np.count_nonzero(dose < 0))
    findings = _range(float(dose.max()), place, covariates)
    if negative:
        findings.append(
            warning(
                "negative dose",
                place,
                found=f"{negative} of {dose.size} voxels below 0, lowest {dose.min():.4g} Gy",
                expected="no dose below 0 Gy",
                remedy="They are set to 0. If they are many, export or resample the dose again "
                "with linear interpolation.",
            )
        )
    return findings


def _range(maximum: float, place: Place, covariates: Mapping[str, str]) -> list[Finding]:
    found = f"maximum {maximum:.4g}"
    if maximum > CENTIGRAY_ABOVE:
        remedy = f"Divide this map by 100: the maximum is then {maximum / 100:.4g} Gy."
        return [error("dose in cGy", place, found=found, expected=EXPECTED, remedy=remedy)]
    if maximum > HIGH_ABOVE:
        remedy = (
            "Check for several courses that were added up (then nothing is wrong), for components "
            "that were added twice, or for percent instead of Gy."
        )
        return [warning("dose is high", place, found=found, expected=EXPECTED, remedy=remedy)]
    if maximum < FRACTION_BELOW:
        remedy = _fraction_remedy(maximum, covariates)
        return [
            warning("dose of one fraction", place, found=found, expected=EXPECTED, remedy=remedy)
        ]
    if maximum < COURSE_BELOW:
        remedy = (
            "Check whether this map is only a part of the treatment, e.g. a boost; radiosurgery "
            "may be right as it is."
        )
        return [warning("dose is low", place, found=found, expected=EXPECTED, remedy=remedy)]
    return []


def _fraction_remedy(maximum: float, covariates: Mapping[str, str]) -> str:
    fractions = positive(covariates.get(FRACTIONS_COLUMN, "")) or 0.0
    advice = []
    if 0 < maximum <= RELATIVE_UP_TO:
        advice.append("If 1.0 stands for the prescription, multiply by the prescribed Gy.")
    if fractions > 1:
        advice.append(
            f"If this is one of {fractions:g} fractions, multiply by {fractions:g}: the maximum is "
            f"then {maximum * fractions:.4g} Gy."
        )
    else:
        advice.append(
            "If this is one fraction, multiply by the number of fractions (keep that number as "
            "`fractions` in cases.csv)."
        )
    return " ".join(advice)
