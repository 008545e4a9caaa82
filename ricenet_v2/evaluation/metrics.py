"""Figures of merit of many resamples at once.

Truths have shape (..., n), probabilities (..., n, classes); a figure has shape (...), NaN where it
is not defined (e.g. sensitivity without a case of the class).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Truth = NDArray[np.intp]
Floats = NDArray[np.float64]


def confusion(truth: Truth, predicted: Truth, n_classes: int) -> Floats:
    """Counts (..., truth, predicted)."""
    codes = truth * n_classes + predicted
    counts = [(codes == code).sum(axis=-1) for code in range(n_classes**2)]
    return np.stack(counts, axis=-1).reshape(*truth.shape[:-1], n_classes, n_classes).astype(float)


def _ratio(part: Floats, whole: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def sensitivity(counts: Floats) -> Floats:
    """Per class, (..., classes): share of the class that was found."""
    return _ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def f1(counts: Floats) -> Floats:
    """Per class, (..., classes); 0 for a class neither present nor predicted, as scikit-learn."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    found = _ratio(2 * hits, counts.sum(axis=-1) + counts.sum(axis=-2))
    return np.nan_to_num(found, nan=0.0)


def macro_f1(counts: Floats) -> Floats:
    """Mean of the classes' F1."""
    mean: Floats = f1(counts).mean(axis=-1)
    return mean


def balanced_accuracy(counts: Floats) -> Floats:
    """Mean sensitivity; NaN where a class has no case."""
    mean: Floats = sensitivity(counts).mean(axis=-1)
    return mean


def auroc_of_class(truth: Truth, scores: Floats, index: int) -> Floats:
    """Probability that a case of the class scores above another, ties half (Mann-Whitney)."""
    own = truth == index
    n_own = own.sum(axis=-1)
    n_other = truth.shape[-1] - n_own
    ranks = stats.rankdata(scores, axis=-1)
    rank_sum = np.where(own, ranks, 0).sum(axis=-1)
    above = rank_sum - n_own * (n_own + 1) / 2
    return _ratio(above, (n_own * n_other).astype(float))


def auroc(truth: Truth, probabilities: Floats, positive: int) -> Floats:
    """Two classes: of the positive one. More: mean of one class against the rest."""
    n_classes = probabilities.shape[-1]
    if n_classes == 2:
        return auroc_of_class(truth, probabilities[..., positive], positive)
    each = [auroc_of_class(truth, probabilities[..., k], k) for k in range(n_classes)]
    mean: Floats = np.stack(each, axis=-1).mean(axis=-1)
    return mean


def brier(truth: Truth, probabilities: Floats) -> Floats:
    """Mean squared error; two classes: of the second class's probability (0 to 1), more: summed."""
    wanted = np.eye(probabilities.shape[-1])[truth]
    squared = ((probabilities - wanted) ** 2).sum(axis=-1)
    share = 0.5 if probabilities.shape[-1] == 2 else 1.0
    mean: Floats = share * squared.mean(axis=-1)
    return mean
