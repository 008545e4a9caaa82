"""Calibration curve: what was predicted against what was found."""

from __future__ import annotations

import numpy as np

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.proportions import proportion
from ricenet_v2.records.curves import Curve

MOST_BINS, CASES_PER_BIN = 10, 10


def reliability(labelled: LabelledPredictions, index: int, level: float) -> Curve:
    """Observed share of the class against its mean probability, in bins of equally many cases.

    At most 10 bins of at least 10 cases; one of all where there are fewer than 20. Equal
    probabilities are never torn apart. Intervals are Clopper and Pearson's.
    """
    p = labelled.probabilities[:, index]
    n_bins = int(np.clip(len(labelled) // CASES_PER_BIN, 1, MOST_BINS))
    edges = np.unique(np.quantile(p, np.arange(1, n_bins) / n_bins))
    bins = np.searchsorted(edges, p, side="right")
    in_class, points = labelled.truth == index, []
    for number in np.unique(bins):
        among = bins == number
        metric = proportion("", labelled, in_class, among, level)
        points.append((float(p[among].mean()), metric))
    points.sort(key=lambda point: point[0])
    return Curve(
        "calibration",
        "model",
        labelled.classes[index],
        "mean predicted probability",
        "observed share",
        tuple(x for x, _ in points),
        tuple(metric.value or 0.0 for _, metric in points),
        tuple(metric.low or 0.0 for _, metric in points),
        tuple(metric.high or 0.0 for _, metric in points),
        tuple(metric.n for _, metric in points),
    )
