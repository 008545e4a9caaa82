"""The prescribed dose of a case."""

from __future__ import annotations

import math
from collections.abc import Mapping

PRESCRIPTION_COLUMNS = ("prescription_gy", "prescription")
"""Covariates of cases.csv that hold the prescribed dose in Gy; the first that does is taken."""
FRACTIONS_COLUMN = "fractions"
"""Covariate of cases.csv that holds the number of fractions."""


def prescription_of(covariates: Mapping[str, str]) -> float | None:
    """The prescribed dose in Gy; None where no column holds a finite number above 0.

    Args:
        covariates: Of the case. Cells are plain numbers: `60`, not `60 Gy`.
    """
    doses = (positive(covariates.get(name, "")) for name in PRESCRIPTION_COLUMNS)
    return next((value for value in doses if value is not None), None)


def positive(cell: str) -> float | None:
    """A finite number above 0; None where the cell holds anything else."""
    try:
        value = float(cell)
    except ValueError:
        return None
    return value if math.isfinite(value) and value > 0 else None
