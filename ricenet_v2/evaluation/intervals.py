"""Intervals: of resampled metrics, and exact ones of proportions."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import influence
from ricenet_v2.evaluation.resampling import Patients


def proportion(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Exact interval of a proportion (Clopper and Pearson 1934).

    It holds the truth at least as often as it says, for any truth and number of cases; Wilson's
    falls to 83 % where few cases meet a proportion near 0 or 1 (benchmarks.evaluation).

    Args:
        hits: Successes; with an effective n the share times that n.
        n: Cases, or the effective number of independent ones.
        level: Coverage.
    """
    tail = (1 - level) / 2
    low = float(special.betaincinv(hits, n - hits + 1, tail)) if hits > 0 else 0.0
    high = float(special.betaincinv(hits + 1, n - hits, 1 - tail)) if hits < n else 1.0
    return low, high


def wilson(hits: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """Score interval of a proportion (Wilson 1927).

    Not for a proportion that is shown, see `proportion`; intervals that are put together from those
    of two proportions (MOVER) would be too wide with exact ones. Arguments as there.
    """
    z = float(stats.norm.ppf((1 + level) / 2))
    share, widening = hits / n, z * z / n
    centre = (share + widening / 2) / (1 + widening)
    reach = z * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n)) / (1 + widening)
    # At the ends rounding would leave 1e-17 on the wrong side.
    return (0.0 if hits <= 0 else centre - reach), (1.0 if hits >= n else centre + reach)


def effective_n(hit: NDArray[np.bool_], patients: Patients, level: float = 0.95) -> float:
    """Effective number of independent cases (Korn and Graubard 1998).

    The number of cases divided by the design effect, which is the variance of the share when
    patients are drawn, over that when cases are, and by how much the t quantile of few patients is
    larger than that of as many cases; at most the number of cases. Where all or none are hit, the
    design effect cannot be seen and the number of patients is taken.

    Args:
        hit: Whether each case counts as a success, shape (cases,).
        patients: Patient of each case.
        level: Coverage of the intervals.
    """
    n, share = len(hit), float(np.mean(hit))
    if not patients.is_clustered:
        return float(n)
    if share in {0.0, 1.0} or patients.count < 2:
        return float(patients.count)
    by_patient = influence.variance((hit - share) / n, patients)
    few = influence.t_factor(patients, level)
    by_case = share * (1 - share) / n
    return min(n, n * by_case / by_patient) / few if by_patient > 0 else patients.count / few


def bca(
    value: float, replicates: Floats, left_out: Floats, level: float = 0.95
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated interval (Efron 1987).

    Args:
        value: Metric of the whole sample.
        replicates: Metric of each bootstrap sample; NaN where degenerate.
        left_out: Metric of each sample that lacks one patient.
        level: Coverage.

    Returns:
        Its ends; None where it is not defined: no value, most samples degenerate, or all of
        them the same, since an interval of no width would promise what nobody knows.
    """
    finite = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(finite) < 0.5 * len(replicates) or len(finite) == 0:
        return None
    if np.ptp(finite) <= 1e-12 * max(1.0, abs(value)):
        return None
    # Half of the ties, as far as rounding lets see them.
    slack = 1e-12 * max(1.0, abs(value))
    ties = np.abs(finite - value) <= slack
    below = (np.sum(finite < value - slack) + 0.5 * np.sum(ties)) / len(finite)
    if not 0 < below < 1:
        return float(finite.min()), float(finite.max())
    bias = stats.norm.ppf(below)
    acceleration = _acceleration(left_out[np.isfinite(left_out)])
    ends = np.asarray(stats.norm.ppf([(1 - level) / 2, (1 + level) / 2]))
    shifted = bias + (bias + ends) / (1 - acceleration * (bias + ends))
    ends = np.quantile(finite, np.asarray(stats.norm.cdf(shifted)))
    return float(ends[0]), float(ends[1])


def _acceleration(left_out: Floats) -> float:
    if len(left_out) == 0:
        return 0.0
    spread = left_out.mean() - left_out
    scale = float((spread**2).sum()) ** 1.5
    return float((spread**3).sum()) / (6 * scale) if scale > 0 else 0.0
