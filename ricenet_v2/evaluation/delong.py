"""DeLong's test of AUROCs on the same cases, also where patients have several cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.resampling import Patients


@dataclass(frozen=True)
class Areas:
    """AUROCs of several scores and their covariance.

    Attributes:
        values: Shape (scores,).
        covariance: Axes (scores, scores).
    """

    values: Floats
    covariance: Floats

    def difference(
        self, a: int, b: int, level: float = 0.95
    ) -> tuple[float, float | None, float | None, float | None]:
        """`a - b`, the ends of its interval, and the two-sided p.

        Where the estimated variance is 0 there is no interval; p is 1 of equal areas, else None.
        """
        change = float(self.values[a] - self.values[b])
        v = self.covariance
        deviation = float(np.sqrt(max(0.0, v[a, a] + v[b, b] - 2 * v[a, b])))
        reach = float(stats.norm.ppf((1 + level) / 2)) * deviation
        if deviation <= 1e-12:
            return change, None, None, 1.0 if abs(change) < 1e-12 else None
        p = 2 * float(stats.norm.sf(abs(change) / deviation))
        return change, change - reach, change + reach, p


def areas(scores: Floats, in_class: NDArray[np.bool_], patients: Patients) -> Areas | None:
    """AUROCs with the covariance of DeLong, DeLong and Clarke-Pearson (1988).

    Where patients have several cases, with that of Obuchowski (1997), which is the same for one
    case a patient.

    Args:
        scores: Axes (scores, cases).
        in_class: Whether each case is of the class.
        patients: Patient of each case.

    Returns:
        None where a side has fewer than two patients.
    """
    owner = patients.owner
    n_in_class, n_others = int(in_class.sum()), int((~in_class).sum())
    groups_in_class, groups_others = (len(np.unique(owner[side])) for side in (in_class, ~in_class))
    if min(groups_in_class, groups_others) < 2:
        return None
    all_ranks = stats.rankdata(scores, axis=1)
    above = (all_ranks[:, in_class] - stats.rankdata(scores[:, in_class], axis=1)) / n_others
    below = (
        1 - (all_ranks[:, ~in_class] - stats.rankdata(scores[:, ~in_class], axis=1)) / n_in_class
    )
    values = above.mean(axis=1)
    rest_in_class = _by_patient(above - values[:, None], owner[in_class], patients.count)
    rest_others = _by_patient(below - values[:, None], owner[~in_class], patients.count)
    covariance = (
        groups_in_class / (groups_in_class - 1) * rest_in_class @ rest_in_class.T / n_in_class**2
        + groups_others / (groups_others - 1) * rest_others @ rest_others.T / n_others**2
    )
    both = rest_in_class @ rest_others.T / (n_in_class * n_others)
    both *= patients.count / (patients.count - 1)
    return Areas(values, covariance + both + both.T)


def _by_patient(values: Floats, owner: NDArray[np.intp], count: int) -> Floats:
    return np.stack([np.bincount(owner, row, minlength=count) for row in values])
