"""Numbers of patients with and without cases of a class."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions

ENOUGH = 200
"""Patients of either side for reliable flexible calibration curves (Van Calster 2016)."""


def sides(labelled: LabelledPredictions, in_class: NDArray[np.bool_]) -> tuple[int, int]:
    """Patients with a case of the class, and patients with a case of the rest.

    A patient with cases of both is on both sides.

    Args:
        labelled: Predictions with truths.
        in_class: Whether each case is of the class, shape (cases,).
    """
    owner = labelled.grouping.owner
    return len(np.unique(owner[in_class])), len(np.unique(owner[~in_class]))


def rarer(labelled: LabelledPredictions, in_class: NDArray[np.bool_]) -> int:
    """The smaller of the two numbers: what metrics of the class rest on."""
    return min(sides(labelled, in_class))


def of_rarer_side(few: int) -> str:
    """`14 patients of the rarer side`."""
    return f"{few} patient{'' if few == 1 else 's'} of the rarer side"
