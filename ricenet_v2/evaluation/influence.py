"""Influence of each case on a metric, and the variance that follows.

The influence of a case is the derivative of the metric in the case's weight. A metric of many cases
is nearly its truth plus the sum of their influences, so its variance is that of the sum; cases of
one patient are summed first, since they are alike (the infinitesimal jackknife, Efron 1982; for
the AUROC it is the variance of DeLong 1988 and, by patient, of Obuchowski 1997).
"""

from __future__ import annotations

import numpy as np
from scipy import special

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.resampling import Patients

_UNSURE = 3.0  # patients; measured on cohorts of three classes (benchmarks.evaluation)


def variance(influence: Floats, patients: Patients) -> float:
    """Variance of a metric from each case's influence (cases,); infinite for one patient."""
    if patients.count < 2:
        return float("inf")
    summed = np.bincount(patients.owner, influence, minlength=patients.count)
    return patients.count / (patients.count - 1) * float(((summed - summed.mean()) ** 2).sum())


def design_effect(influence: Floats, patients: Patients) -> float:
    """Factor by which correlated cases of a patient widen the variance; at least 1.

    Where no case moves the metric (e.g. an AUROC of 1) it cannot be seen, and the mean number of
    cases of a patient is taken, which is the most that it can be where all have as many.
    """
    n = len(influence)
    if not patients.is_clustered:
        return 1.0
    alone = n / (n - 1) * float(((influence - influence.mean()) ** 2).sum())
    if alone <= 1e-30 or patients.count < 2:
        return n / patients.count
    return max(1.0, variance(influence, patients) / alone)


def t_factor(patients: Patients, level: float) -> float:
    """Factor by which few patients widen a variance (Korn and Graubard 1998); 1 if unclustered.

    The square of the quotient of the t quantiles for the number of patients and that of cases.
    """
    n = len(patients.owner)
    if not patients.is_clustered:
        return 1.0
    if patients.count < 2:
        return float("inf")
    return (t_quantile(patients.count, level) / t_quantile(n, level)) ** 2


def t_quantile(count: int, level: float) -> float:
    """Upper quantile of Student's distribution for `count` independent values."""
    return float(special.stdtrit(count - 1, (1 + level) / 2))


def correlation(influences: Floats, patients: Patients) -> Floats:
    """Correlation of several metrics of the same cases, axes (metrics, metrics), conservative.

    1 where a metric is moved by no case, since then nothing is known of it. A negative one, which
    would narrow the interval of a mean, counts as 0, and few patients draw it towards 1.

    Args:
        influences: Axes (metrics, cases).
        patients: Patient of each case.
    """
    count = len(influences)
    summed = np.stack([np.bincount(patients.owner, row, patients.count) for row in influences])
    summed -= summed.mean(axis=1, keepdims=True)
    product = summed @ summed.T
    scale = np.sqrt(np.outer(np.diag(product), np.diag(product)))
    correlations: Floats = np.divide(
        product, scale, out=np.ones((count, count)), where=scale > 1e-30
    )
    correlations = np.clip(correlations, 0, 1)
    return correlations + (1 - correlations) * min(1.0, _UNSURE / patients.count)
