"""The band of a ROC curve, put together from limits of both of its shares (MOVER).

At a share x of false positives two things are not known: the sensitivity of a threshold, and which
threshold gives x in the population. Wilson's limits of the sensitivity at the curve's threshold
bound the first. For the second, the curve is read at thresholds whose own false positives are at
most, or at least, x by Wilson's limits. The two distances are added as squares (Zou and Donner
2008). Quantiles of a bootstrap have no width where classes are ranked without a fault.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.curves.points import thinned
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.two_proportions import Proportion


def band(
    labelled: LabelledPredictions, index: int, x: Floats, level: float
) -> tuple[Floats, Floats]:
    """Lower and upper limits of the sensitivity.

    Args:
        labelled: Predictions with truths, some of the class and some of the rest.
        index: Index of the class that is compared with the rest.
        x: Shares of false positives, shape (points,).
        level: Coverage of the band at a single point.
    """
    in_class, scores = labelled.truth == index, labelled.probabilities[:, index]
    values = np.unique(scores)
    # From no positive case to all.
    thresholds = np.concatenate([[np.inf], values[thinned(len(values))][::-1]])
    false, true = (
        _limits(labelled, side, scores, thresholds, level) for side in (~in_class, in_class)
    )
    at = np.searchsorted(false[:, 1], x, side="right") - 1
    low, y, high = true[at].T
    sensitivity = true[:, 1]
    strict = np.searchsorted(_rising(false[:, 2]), x, side="right") - 1
    # A threshold without false positives may stand for any rate, down to 0.
    starts = np.where(false[:, 1] > 0, false[:, 0], -1.0)
    lenient = np.searchsorted(_rising(starts), x, side="left")
    below = np.where(strict >= 0, sensitivity[strict], 0.0)
    above = np.append(sensitivity, 1.0)[lenient]
    low = y - np.hypot(y - low, y - below)
    high = y + np.hypot(high - y, above - y)
    is_end = x >= 1  # where all cases are positive
    return np.where(is_end, 1.0, low.clip(0, 1)), np.where(is_end, 1.0, high.clip(0, 1))


def _limits(
    labelled: LabelledPredictions,
    side: NDArray[np.bool_],
    scores: Floats,
    thresholds: Floats,
    level: float,
) -> Floats:
    """Share of a side at or above each threshold, axes (thresholds, low - value - high)."""
    cases = np.flatnonzero(side)
    patients, its = labelled.grouping.part(cases), scores[cases]
    shares = (Proportion.wilson(its >= threshold, patients, level) for threshold in thresholds)
    return np.array([(share.low, share.value, share.high) for share in shares])


def _rising(limits: Floats) -> Floats:
    """Limits of patients with several cases may fall a little between two thresholds."""
    return np.maximum.accumulate(limits)
