"""Thresholds: chosen on out-of-fold predictions, applied unchanged to any others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.evaluation.proportions import of_class
from ricenet_v2.records.metrics import Metric, Threshold

OUT_OF_FOLD, FIXED = "out-of-fold predictions", "no data: fixed at 0.5"
PRIOR = "no data: the prior that probabilities are corrected for"
SENSITIVITY, SPECIFICITY = (0.9,), (0.9,)


def default_thresholds(labelled: LabelledPredictions, positive: int) -> list[Threshold]:
    """Thresholds of two classes: 0.5, and the prior, from which on `predicted` is positive.

    Where the prior is not known there is 0.5 alone; of more than two classes there is none.
    """
    if len(labelled.classes) > 2:
        return []
    name = labelled.classes[positive]
    thresholds = [Threshold("default", name, 0.5, FIXED, ())]
    if labelled.prior:
        thresholds.append(Threshold("balanced", name, labelled.prior[positive], PRIOR, ()))
    return thresholds


def chosen_thresholds(
    labelled: LabelledPredictions,
    positive: int,
    sensitivities: Sequence[float] = SENSITIVITY,
    specificities: Sequence[float] = SPECIFICITY,
) -> list[Threshold]:
    """Choose thresholds, without their metrics: the fixed ones, Youden's, and the requested ones.

    A case is positive from the threshold on. Thresholds lie half way between two
    probabilities that occur. Youden's has the highest sum of sensitivity and specificity; of those
    that reach a fixed sensitivity the one of highest specificity is taken, and the other way round.

    Args:
        labelled: Out-of-fold predictions.
        positive: Class that two classes are about.
        sensitivities: Sensitivities to reach.
        specificities: Specificities to reach.
    """
    thresholds = default_thresholds(labelled, positive)
    for index in one_vs_rest_classes(labelled, positive):
        name, in_class = labelled.classes[index], labelled.truth == index
        values, sensitivity, specificity = _at_each(labelled.probabilities[:, index], in_class)
        both = sensitivity + specificity
        selected = [("Youden", _best(values, both, both, None))]
        selected += [
            (
                f"sensitivity at least {want:.2f}",
                _best(values, specificity, sensitivity, sensitivity >= want),
            )
            for want in sensitivities
        ]
        selected += [
            (
                f"specificity at least {want:.2f}",
                _best(values, sensitivity, specificity, specificity >= want),
            )
            for want in specificities
        ]
        thresholds += [Threshold(what, name, value, OUT_OF_FOLD, ()) for what, value in selected]
    return thresholds


def _at_each(scores: Floats, in_class: NDArray[np.bool_]) -> tuple[Floats, Floats, Floats]:
    """Candidates from low to high, with the sensitivity and specificity of each."""
    levels = np.unique(scores)
    values = np.r_[levels[0], (levels[1:] + levels[:-1]) / 2, np.nextafter(levels[-1], 2)]
    ascending_in_class, ascending_others = np.sort(scores[in_class]), np.sort(scores[~in_class])
    below_in_class = np.searchsorted(ascending_in_class, values, side="left")
    below_others = np.searchsorted(ascending_others, values, side="left")
    with np.errstate(invalid="ignore"):
        sensitivity: Floats = 1 - np.divide(below_in_class, len(ascending_in_class))
        specificity: Floats = np.divide(below_others, len(ascending_others))
    return values, sensitivity, specificity


def _best(
    values: Floats, first: Floats, second: Floats, allowed: NDArray[np.bool_] | None
) -> float | None:
    """The allowed candidate that is best by `first`, then by `second`; of equal ones the middle."""
    kept = np.isfinite(first + second) & (True if allowed is None else allowed)
    for goodness in (first, second):
        if not kept.any():
            return None
        kept = kept & (goodness >= goodness[kept].max() - 1e-12)
    best = np.flatnonzero(kept)
    return float(values[best[len(best) // 2]])


def applied(
    thresholds: Sequence[Threshold], labelled: LabelledPredictions, level: float
) -> list[Threshold]:
    """Evaluate the same thresholds on these cases.

    Raises:
        DatasetError: A threshold is about a class that the predictions do not have.
    """
    unknown = sorted({each.class_name for each in thresholds} - set(labelled.classes))
    if unknown:
        raise DatasetError(
            "The thresholds belong to other classes.", expected=labelled.classes, got=unknown
        )
    evaluated = []
    for each in thresholds:
        index = labelled.classes.index(each.class_name)
        metrics: tuple[Metric, ...] = ()
        if each.value is not None:
            predicted = labelled.probabilities[:, index] >= each.value
            metrics = tuple(of_class(labelled, predicted, index, each.class_name, level))
        evaluated.append(Threshold(each.name, each.class_name, each.value, each.chosen_on, metrics))
    return evaluated
