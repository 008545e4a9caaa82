"""Ratio of observed to expected cases of a class."""

from __future__ import annotations

import numpy as np
from scipy import stats

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.class_counts import of_rarer_side, rarer
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.records.metrics import Metric

FEWEST = 3
"""Patients of the class, and others, below which a deviation cannot be estimated."""
FEW = 10
_LEAST = 1e-6  # mean probability, as in calibration
_WALD = "Wald on the log scale, variance clustered by patient"


def observed_expected(labelled: LabelledPredictions, positive: int, level: float) -> list[Metric]:
    """Observed : expected of the positive class of two, or of each class of more.

    1 is right, below 1 the class is promised too often (calibration in the large, Debray 2017).
    """
    return [_of_class(labelled, index, level) for index in one_vs_rest_classes(labelled, positive)]


def _of_class(labelled: LabelledPredictions, index: int, level: float) -> Metric:
    """The metric of one class.

    The interval is Wald's on the logarithm. Its variance is that of observed and expected together,
    by patient, since both are of the same patients. That of Debray et al. takes what is expected as
    known: it is the same for a model that knows nothing, and too wide for one that does. Where
    there are fewer than 3 patients of the class or of the rest, Wilson's limits of the share of the
    class are divided by the mean probability.
    """
    name, n = f"observed : expected of {labelled.classes[index]}", len(labelled)
    truth, p = (labelled.truth == index).astype(np.float64), labelled.probabilities[:, index]
    observed, expected = float(truth.sum()), float(p.sum())
    if expected <= _LEAST * n:
        why = "not defined: the class has hardly any probability"
        return Metric(name, None, None, None, n, _WALD, why)
    value, few = observed / expected, rarer(labelled, labelled.truth == index)
    warning = f"only {of_rarer_side(few)}" if few < FEW else ""
    deviation = _deviation(labelled, truth / max(observed, 1) - p / expected)
    if few < FEWEST or deviation <= 0:
        worth = intervals.effective_n(truth > 0, labelled.grouping, level)
        low, high = intervals.wilson(worth * observed / n, worth, level)
        how = "Wilson limits of the observed share"
        return Metric(name, value, low * n / expected, high * n / expected, n, how, warning)
    reach = float(np.exp(stats.norm.ppf((1 + level) / 2) * deviation))
    return Metric(name, value, value / reach, value * reach, n, _WALD, warning)


def _deviation(labelled: LabelledPredictions, influence: Floats) -> float:
    """Standard deviation of the logarithm, from how much each case moves it."""
    patients = labelled.grouping
    if patients.count < 2:
        return 0.0
    by_patient = np.bincount(patients.owner, influence, minlength=patients.count)
    return float(np.sqrt((by_patient**2).sum() * patients.count / (patients.count - 1)))
