"""The prescribed dose of a case."""

from __future__ import annotations

import math
from collections.abc import Mapping

PRESCRIPTION_COLUMNS = ("prescription_gy", "prescription")
"""Covariates of cases.csv that hold the prescribed dose in Gy; the first that does is taken."""


def prescription_of(covariates: Mapping[str, str]) -> float | None:
    """The prescribed dose in Gy; None where no column holds a finite number above 0.

    Args:
        covariates: Of the case. Cells are plain numbers: `60`, not `60 Gy`.
    """
    for name in PRESCRIPTION_COLUMNS:
        try:
            value = float(covariates.get(name, ""))
        except ValueError:
            continue
        if math.isfinite(value) and value > 0:
            return value
    return None
