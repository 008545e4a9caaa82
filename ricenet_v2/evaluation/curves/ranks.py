"""ROC and precision-recall curves."""

from __future__ import annotations

import numpy as np
from sklearn import metrics

from ricenet_v2.evaluation.curves.points import thinned
from ricenet_v2.evaluation.curves.roc_band import band
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.curves import Curve


def roc(labelled: LabelledPredictions, index: int, level: float) -> Curve:
    """Sensitivity against 1 - specificity, with a band of exact limits.

    The band holds the sensitivity at each single point, not the whole curve at once.
    """
    in_class, scores = labelled.truth == index, labelled.probabilities[:, index]
    x, y, _ = metrics.roc_curve(in_class, scores)
    at = thinned(len(x))
    x, y = x[at], y[at]
    low, high = band(labelled, index, x, level)
    # A step up has several points of one x: there the band must hold each of them.
    return Curve(
        "ROC",
        "model",
        labelled.classes[index],
        "1 - specificity",
        "sensitivity",
        tuple(x.tolist()),
        tuple(y.tolist()),
        tuple(np.minimum(low, y).tolist()),
        tuple(np.maximum(high, y).tolist()),
    )


def precision_recall(labelled: LabelledPredictions, index: int) -> Curve:
    """Precision against sensitivity."""
    in_class = labelled.truth == index
    precision, recall, _ = metrics.precision_recall_curve(
        in_class, labelled.probabilities[:, index]
    )
    at = thinned(len(recall))
    return Curve(
        "precision-recall",
        "model",
        labelled.classes[index],
        "sensitivity (recall)",
        "positive predictive value (precision)",
        tuple(recall[at].tolist()),
        tuple(precision[at].tolist()),
    )
