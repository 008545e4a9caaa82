"""Net benefit of calling cases (Vickers and Elkin 2006), with intervals that hold at the ends.

Wald's interval (Marsh et al. 2020) and percentiles of a bootstrap have no width where no case is
called, however few cases there are. These are put together from Wilson's limits instead.
"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.two_shares import Proportion, difference, together


def of_calls(
    called: Flags, in_class: Flags, odds: float, patients: Patients, level: float
) -> Proportion:
    """Net benefit per case of these calls over none: true calls, less false ones times the odds.

    Args:
        called: Whether each case is called, shape (cases,).
        in_class: Whether each case is of the class.
        odds: Odds of the threshold probability: the cost of a false call in true calls.
        patients: Patient of each case.
        level: Coverage of the interval.
    """
    return _weighed(called & in_class, called & ~in_class, odds, patients, level)


def over_all(
    called: Flags, in_class: Flags, odds: float, patients: Patients, level: float
) -> Proportion:
    """Net benefit of these calls over calling all: false calls saved, less true ones lost.

    The arguments are those of `of_calls`.
    """
    lost = _weighed(~called & in_class, ~called & ~in_class, odds, patients, level)
    return Proportion(-lost.value, -lost.high, -lost.low)


def _weighed(gain: Flags, loss: Flags, odds: float, patients: Patients, level: float) -> Proportion:
    first, second = (Proportion.wilson(part, patients, level) for part in (gain, loss))
    moved = (gain.astype(np.float64) - first.value, loss.astype(np.float64) - second.value)
    correlation = together(*moved, patients)
    return difference(first, second, odds, correlation)
