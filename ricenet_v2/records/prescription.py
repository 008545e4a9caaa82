"""The prescribed dose of a case, and the dose that counts as 100 %."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Image
from ricenet_v2.records.cells import numbers

PRESCRIPTION_COLUMNS = ("prescription_gy", "prescription")
"""Covariates of cases.csv that hold the prescribed dose in Gy; the first that does is taken."""
FRACTIONS_COLUMN = "fractions"
"""Covariate of cases.csv that holds the number of fractions."""
_PLATEAU = 99.9


@dataclass(frozen=True)
class FullDose:
    """The dose that counts as 100 %.

    Attributes:
        gray: Gy.
        is_prescribed: Whether it is the prescription, else the plateau of the dose.
    """

    gray: float
    is_prescribed: bool


def full_dose(covariates: Mapping[str, str], dose: Image) -> FullDose | None:
    """The prescription, else the 99.9th percentile of the dose; None where there is no dose at all.

    Args:
        covariates: Covariates of the case, which may state the prescription.
        dose: Gy, axes (z, y, x).
    """
    most = float(dose.max())
    if not most > 0:
        return None
    prescribed = prescription_of(covariates)
    if prescribed is not None:
        return FullDose(prescribed, is_prescribed=True)
    return FullDose(float(np.percentile(dose, _PLATEAU)) or most, is_prescribed=False)


def prescription_of(covariates: Mapping[str, str]) -> float | None:
    """The prescribed dose in Gy; None where no column holds a finite number above 0.

    Args:
        covariates: Covariates of the case. Cells are plain numbers: `60`, not `60 Gy`.
    """
    doses = (positive(covariates.get(name, "")) for name in PRESCRIPTION_COLUMNS)
    return next((value for value in doses if value is not None), None)


def positive(cell: str) -> float | None:
    """A finite number above 0; None where the cell holds anything else."""
    values = numbers([cell])
    value = math.nan if values is None else values[0]
    return value if value > 0 else None
