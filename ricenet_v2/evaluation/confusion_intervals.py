"""F1, macro F1, balanced accuracy and MCC: intervals of metrics of a confusion matrix."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Flags, Floats
from ricenet_v2.evaluation import confusion_matrix, influence, intervals, mover
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients

EXACT = "Clopper-Pearson"
F1_METHOD = f"{EXACT} of the hits among hits, misses and false alarms"
MACRO_F1_METHOD = f"MOVER of {EXACT} intervals of the classes' F1"
BALANCED_METHOD = f"MOVER of {EXACT} intervals of the classes' sensitivities"
MCC_METHOD = "delta method with three cases added, spread over the cells"
_ADDED, _STEP = 3.0, 1e-6

Interval = tuple[float, float]


def proportion(hit: Flags, patients: Patients, level: float) -> Interval:
    """Clopper and Pearson's interval of a share, of the effective number of cases."""
    worth = intervals.effective_n(hit, patients, level)
    return intervals.proportion(float(hit.mean()) * worth, worth, level)


def f1(labelled: LabelledPredictions, index: int, level: float) -> Interval | None:
    """Interval of the F1 of a class.

    With hits, misses and false alarms, F1 is 2 J / (1 + J), where J, the hits' share of all three
    (Jaccard's index), is the share of a binomial number: its exact interval becomes that of F1.

    Returns:
        None where the class is neither present nor predicted.
    """
    in_class, predicted = labelled.truth == index, labelled.predicted == index
    among = np.flatnonzero(in_class | predicted)
    if len(among) == 0:
        return None
    ends = proportion((in_class & predicted)[among], labelled.grouping.part(among), level)
    low, high = (2 * j / (1 + j) for j in ends)
    return low, high


def macro_f1(labelled: LabelledPredictions, level: float) -> Interval | None:
    """Interval of the mean of the classes' F1; None where a class has no case."""
    counts, classes = labelled.counts, range(len(labelled.classes))
    ends = [f1(labelled, k, level) for k in classes]
    defined = [each for each in ends if each is not None]
    if len(defined) < len(classes) or (counts.sum(axis=1) == 0).any():
        return None
    low, high = np.array(defined).T
    return _inside(
        mover.of_mean(confusion_matrix.f1(counts), low, high, _correlations(counts)), 0.0
    )


def _correlations(counts: Floats) -> Floats:
    """Correlation of the classes' F1, by the delta method with half a case in every cell."""
    proportion = (counts + 0.5) / (counts + 0.5).sum()
    k = len(counts)
    sides = proportion.sum(axis=0) + proportion.sum(axis=1)
    value = 2 * np.diag(proportion) / sides
    at = np.arange(k)
    gradient = np.zeros((k, k, k))  # of each F1 in each cell
    gradient[at, at, :] -= (value / sides)[:, None]
    gradient[at, :, at] -= (value / sides)[:, None]
    gradient[at, at, at] += 2 / sides
    flat, weight = gradient.reshape(k, -1), proportion.ravel()
    covariance = (flat * weight) @ flat.T - np.outer(flat @ weight, flat @ weight)
    scale = np.sqrt(np.diag(covariance))
    correlation: Floats = covariance / np.outer(scale, scale)
    return correlation


def balanced_accuracy(labelled: LabelledPredictions, level: float) -> Interval | None:
    """Interval of the mean sensitivity, whose parts rest on different cases.

    Returns:
        None where a class has no case.
    """
    values, ends, patients = [], [], labelled.grouping
    for k in range(len(labelled.classes)):
        among = np.flatnonzero(labelled.truth == k)
        if len(among) == 0:
            return None
        hit = labelled.predicted[among] == k
        values.append(float(hit.mean()))
        ends.append(proportion(hit, patients.part(among), level))
    low, high = np.array(ends).T
    return _inside(mover.of_mean(np.array(values), low, high), 0.0)


def mcc(labelled: LabelledPredictions, level: float) -> Interval | None:
    """Interval of Matthews' correlation.

    As the interval of Agresti and Coull (1998) for a share: cases are added, in equal parts to all
    cells, and the delta method is applied to what results, so that there is a width where no
    prediction is wrong, or all are of one class. Three added cases, and the t quantile of the
    number of patients, are what was measured to hold.

    Returns:
        None where a class has no case.
    """
    counts, patients = labelled.counts, labelled.grouping
    if (counts.sum(axis=1) == 0).any() or patients.count < 2:
        return None
    value, gradient = _mcc_gradient(counts)
    moved = gradient[labelled.truth, labelled.predicted]
    counts = counts / influence.design_effect(moved, patients)
    filled = counts + _ADDED / counts.size
    centre, gradient = _mcc_gradient(filled)
    weights = filled / filled.sum()
    variance = float((weights * gradient**2).sum()) - float((weights * gradient).sum()) ** 2
    # Slopes are per case: times the number of cases they are those of shares.
    deviation = float(filled.sum() * np.sqrt(variance / counts.sum()))
    reach = influence.t_quantile(patients.count, level) * deviation
    low, high = min(centre - reach, value), max(centre + reach, value)
    return _inside((low, high), -1.0)


def _mcc_gradient(counts: Floats) -> tuple[float, Floats]:
    """MCC, and its derivative in the count of each cell; 0 where it is not defined."""
    steps = np.eye(counts.size).reshape(-1, *counts.shape) * _STEP * counts.sum()
    more, less = counts + steps, np.maximum(counts - steps, 0)
    gradient = (confusion_matrix.mcc(more) - confusion_matrix.mcc(less)) / (more - less).sum(
        axis=(1, 2)
    )
    return float(confusion_matrix.mcc(counts)), np.nan_to_num(gradient).reshape(counts.shape)


def _inside(ends: Interval, least: float) -> Interval:
    return max(least, ends[0]), min(1.0, ends[1])
