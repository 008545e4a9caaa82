"""Metrics that are shares of cases: accuracy, sensitivity, specificity, predictive values."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.metrics import Metric

FEW = 10


def proportions(labelled: LabelledPredictions, level: float) -> list[Metric]:
    """Accuracy, and of each class against the rest the four proportions, as predicted."""
    metrics = [proportion("accuracy", labelled, labelled.truth == labelled.predicted, None, level)]
    for index, name in enumerate(labelled.classes):
        metrics += of_class(labelled, labelled.predicted == index, index, name, level)
    return metrics


def of_class(
    labelled: LabelledPredictions, predicted: Flags, index: int, name: str, level: float
) -> list[Metric]:
    """Sensitivity, specificity and predictive values of one class against the rest.

    Args:
        labelled: Predictions with truths.
        predicted: Whether the class is predicted for each case.
        index: Index of the class.
        name: Name of the class.
        level: Coverage of the intervals.
    """
    in_class = labelled.truth == index
    return [
        proportion(f"sensitivity of {name}", labelled, predicted, in_class, level),
        proportion(f"specificity of {name}", labelled, ~predicted, ~in_class, level),
        proportion(f"positive predictive value of {name}", labelled, in_class, predicted, level),
        proportion(f"negative predictive value of {name}", labelled, ~in_class, ~predicted, level),
    ]


def proportion(
    name: str, labelled: LabelledPredictions, hit: Flags, among: Flags | None, level: float
) -> Metric:
    """A share with Clopper and Pearson's interval.

    Where patients have several cases, the interval is that of the effective number of independent
    cases (Korn and Graubard 1998), and the method says so.

    Args:
        name: Name of the metric.
        labelled: Predictions with truths.
        hit: Whether each case counts.
        among: Cases that the share is of; all where None.
        level: Coverage.
    """
    method = "Clopper-Pearson"
    chosen = np.arange(len(labelled)) if among is None else np.flatnonzero(among)
    n = len(chosen)
    if n == 0:
        return Metric(name, None, None, None, 0, method, "no such case")
    evaluated, patients = hit[chosen], labelled.grouping.part(chosen)
    value, worth = float(evaluated.mean()), intervals.effective_n(evaluated, patients, level)
    if worth < n:
        method += f", {n} cases of {patients.count} patients count as {worth:.1f}"
    low, high = intervals.proportion(value * worth, worth, level)
    return Metric(name, value, low, high, n, method, f"only {n} cases" if n < FEW else "")
