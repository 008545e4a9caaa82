"""ROC and precision-recall curves."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn import metrics

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.curves import MOST_POINTS, Curve

N_BAND = 500
"""Resamples of the band; its ends are quantiles, which need fewer than a BCa interval."""

Floats = NDArray[np.float64]


def thinned(n_points: int) -> NDArray[np.intp]:
    """At most 500 of the points, evenly, with the first and the last."""
    if n_points <= MOST_POINTS:
        return np.arange(n_points)
    return np.unique(np.linspace(0, n_points - 1, MOST_POINTS).round().astype(np.intp))


def roc(scored: Scored, index: int, seed: int, level: float) -> Curve:
    """Sensitivity against 1 - specificity, with a band by bootstrap of patients.

    The band holds the sensitivity at each single point, not the whole curve at once.
    """
    own, scores = scored.truth == index, scored.probabilities[:, index]
    x, y, _ = metrics.roc_curve(own, scores)
    at = thinned(len(x))
    x, y = x[at], y[at]
    low, high = _band(scored, Ranking.of(scores, own), x, seed, level)
    # A step up has several points of one x: there the band must hold each of them.
    return Curve(
        "ROC",
        "model",
        scored.classes[index],
        "1 - specificity",
        "sensitivity",
        tuple(x.tolist()),
        tuple(y.tolist()),
        tuple(np.minimum(low, y).tolist()),
        tuple(np.maximum(high, y).tolist()),
    )


def _band(
    scored: Scored, ranking: Ranking, x: Floats, seed: int, level: float
) -> tuple[Floats, Floats]:
    random = generator(seed, "ROC band")
    found = []
    for weights in scored.grouping.samples(N_BAND, random):
        false, true = _steps(ranking, weights)
        found += [
            np.interp(x, false[:, k] / false[-1, k], true[:, k] / true[-1, k])
            for k in range(weights.shape[1])
            if true[-1, k] > 0 and false[-1, k] > 0
        ]
    if not found:
        return np.zeros_like(x), np.ones_like(x)
    low, high = np.quantile(np.array(found), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high


def _steps(ranking: Ranking, weights: Floats) -> tuple[Floats, Floats]:
    """False and true positives from the highest score down, axes (groups + 1, samples)."""
    ordered = weights[ranking.order]
    own = ordered * ranking.own[:, None]
    if ranking.starts is not None:
        ordered = np.add.reduceat(ordered, ranking.starts, axis=0)
        own = np.add.reduceat(own, ranking.starts, axis=0)
    none = np.zeros((1, weights.shape[1]))
    true = np.concatenate([none, np.cumsum(own[::-1], axis=0)])
    return np.concatenate([none, np.cumsum(ordered[::-1], axis=0)]) - true, true


def precision_recall(scored: Scored, index: int) -> Curve:
    """Precision against sensitivity."""
    own = scored.truth == index
    precision, recall, _ = metrics.precision_recall_curve(own, scored.probabilities[:, index])
    at = thinned(len(recall))
    return Curve(
        "precision-recall",
        "model",
        scored.classes[index],
        "sensitivity (recall)",
        "positive predictive value (precision)",
        tuple(recall[at].tolist()),
        tuple(precision[at].tolist()),
    )
