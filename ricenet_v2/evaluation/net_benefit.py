"""Net benefit of treating cases (Vickers and Elkin 2006), with intervals that hold at the ends.

Wald's interval (Marsh et al. 2020) and percentiles of a bootstrap have no width where no case is
treated, however few cases there are. These are put together from Wilson's limits instead.
"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.two_proportions import Proportion, difference, together


def over_none(
    predicted: Flags, in_class: Flags, odds: float, patients: Patients, level: float
) -> Proportion:
    """Net benefit per case over treating none: true positives, minus false ones times the odds.

    Args:
        predicted: Whether each case is predicted to be of the class, shape (cases,).
        in_class: Whether each case is of the class.
        odds: Odds of the threshold probability: the cost of a false positive in true positives.
        patients: Patient of each case.
        level: Coverage of the interval.
    """
    return _weighed(predicted & in_class, predicted & ~in_class, odds, patients, level)


def over_all(
    predicted: Flags, in_class: Flags, odds: float, patients: Patients, level: float
) -> Proportion:
    """Net benefit over treating all: false positives avoided, minus true ones lost.

    The arguments are those of `over_none`.
    """
    lost = _weighed(~predicted & in_class, ~predicted & ~in_class, odds, patients, level)
    return Proportion(-lost.value, -lost.high, -lost.low)


def _weighed(gain: Flags, loss: Flags, odds: float, patients: Patients, level: float) -> Proportion:
    first, second = (Proportion.wilson(part, patients, level) for part in (gain, loss))
    moved = (gain.astype(np.float64) - first.value, loss.astype(np.float64) - second.value)
    correlation = together(*moved, patients)
    return difference(first, second, odds, correlation)
