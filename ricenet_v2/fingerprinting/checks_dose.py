"""Is a dose channel the cumulative dose of the whole treatment in Gy?

Limits as of the clinical notes on radiotherapy of the brain: courses end near 60 Gy (40.05 Gy in
15 fractions for the frail), a single fraction stays below 10 Gy unless it is radiosurgery, and
200 Gy is beyond any treatment, hence centigray, stored integers or no dose at all.
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
STORED_ABOVE = 20_000.0
"""200 Gy in cGy; beyond, values are not even cGy."""
TEXTURED_ABOVE = 0.08
_FAR_BELOW_ZERO, _MANY_BELOW_ZERO = 0.05, 0.01
EXPECTED = "the cumulative dose of the whole treatment in Gy, with a maximum of 30 to 80 Gy"
_SCALE = (
    "multiply them by DoseGridScaling (3004,000E) of the DICOM file, which only that file contains"
)
_ANOTHER_IMAGE = (
    "This looks like an MRI, a CT or another image: compare the order of the channels in "
    "dataset.json with the numbers of the files."
)
_TEXTURED = (
    "Is it a dose? It has the texture of an MRI or another image: compare the order of the "
    "channels in dataset.json with the numbers of the files."
)


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
    """Images that are no dose, negative values, and a maximum that is not a whole course in Gy.

    Args:
        dose: Finite, not constant, axes (z, y, x).
        place: Case and file.
        covariates: Covariates of the case; `fractions` makes the advice concrete.
    """
    negative = int(np.count_nonzero(dose < 0))
    counted = f"{negative} of {dose.size} voxels below 0, lowest {dose.min():.4g}"
    if negative and _is_far_below_zero(dose):
        return [error("not a dose", place, found=counted, expected=EXPECTED, remedy=_ANOTHER_IMAGE)]
    findings = _range(dose, place, covariates)
    if negative:
        findings.append(
            warning(
                "negative dose",
                place,
                found=f"{counted} Gy",
                expected="no dose below 0 Gy",
                remedy="They are set to 0. If they are many, export or resample the dose again "
                "with linear interpolation.",
            )
        )
    return findings


def _is_far_below_zero(dose: NDArray[np.float32]) -> bool:
    """Whether values are below 0 by more than interpolation or the rim of the dose grid cause."""
    limit = -_FAR_BELOW_ZERO * max(float(dose.max()), 0.0)
    return int(np.count_nonzero(dose < limit)) > _MANY_BELOW_ZERO * dose.size


def roughness(dose: NDArray[np.float32]) -> float:
    """Mean difference of a voxel and its six neighbours, as a share of the mean voxel.

    Of voxels above a tenth of the maximum. It is 0.004 to 0.05 of doses on grids of 2 to 7 mm, and
    0.09 to 0.3 of MRI.

    Args:
        dose: Axes (z, y, x).
    """
    if min(dose.shape) <= 2:
        return 0.0
    inner = dose[1:-1, 1:-1, 1:-1]
    around = sum(
        np.roll(dose, shift, axis)[1:-1, 1:-1, 1:-1] for axis in range(3) for shift in (1, -1)
    )
    high = inner > 0.1 * dose.max()
    if not high.any():
        return 0.0
    return float(np.abs(inner - around / 6)[high].mean() / inner[high].mean())


def _range(dose: NDArray[np.float32], place: Place, covariates: Mapping[str, str]) -> list[Finding]:
    maximum = float(dose.max())
    highest = f"maximum {maximum:.4g}"
    if COURSE_BELOW <= maximum <= HIGH_ABOVE:
        return []
    is_textured = roughness(dose) > TEXTURED_ABOVE
    if maximum > CENTIGRAY_ABOVE:
        return [_beyond_gray(dose, highest, place, is_textured=is_textured)]
    if maximum > HIGH_ABOVE:
        check = "dose is high"
        remedy = (
            "Check for several courses that were added up (then nothing is wrong), for components "
            "that were added twice, or for percent instead of Gy."
        )
    elif maximum < FRACTION_BELOW:
        check = "dose of one fraction"
        remedy = _fraction_remedy(maximum, covariates)
    else:
        check = "dose is low"
        remedy = (
            "Check whether this map is only a part of the treatment, e.g. a boost; radiosurgery "
            "may be right as it is."
        )
    if is_textured:
        remedy = f"{_TEXTURED} {remedy}"
    return [warning(check, place, found=highest, expected=EXPECTED, remedy=remedy)]


def _beyond_gray(
    dose: NDArray[np.float32], found: str, place: Place, *, is_textured: bool
) -> Finding:
    """A maximum that no treatment reaches in Gy."""
    maximum = float(dose.max())
    in_gray = f"the maximum is then {maximum / 100:.4g} Gy"
    is_whole = bool(np.all(dose == np.round(dose)))
    if is_textured:
        check = "not a dose"
        found += ", with the texture of an image"
        remedy = _ANOTHER_IMAGE
        if maximum <= STORED_ABOVE:
            remedy += f" If it is a dose in cGy all the same, divide it by 100: {in_gray}."
    elif maximum <= STORED_ABOVE:
        check = "dose in cGy"
        remedy = f"If these are cGy, divide this map by 100: {in_gray}."
        if is_whole:
            remedy += f" If they are integers as an RTDOSE stores them, {_SCALE}."
    else:
        check = "dose not in Gy"
        remedy = (
            f"These look like integers as an RTDOSE stores them: {_SCALE}."
            if is_whole
            else "These are neither Gy nor cGy. Export the dose again in Gy."
        )
    return error(check, place, found=found, expected=EXPECTED, remedy=remedy)


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
