"""Metrics that follow from a confusion matrix, of many samples at once.

Counts have axes (..., truth, predicted); a metric has shape (...), NaN where it is not defined
(e.g. sensitivity without a case of the class).
"""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Floats, Indices


def confusion(truth: Indices, predicted: Indices, n_classes: int) -> Floats:
    """Counts (truth, predicted) of the cases."""
    codes = truth * n_classes + predicted
    counts = np.bincount(codes, minlength=n_classes**2).reshape(n_classes, n_classes)
    return counts.astype(np.float64)


def ratio(part: Floats, whole: Floats) -> Floats:
    """`part / whole`; NaN where the whole is not positive."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(whole > 0, part / whole, np.nan)


def sensitivity(counts: Floats) -> Floats:
    """Sensitivity per class, (..., classes): share of its cases that are predicted as it."""
    return ratio(np.diagonal(counts, axis1=-2, axis2=-1), counts.sum(axis=-1))


def f1(counts: Floats) -> Floats:
    """F1 per class, (..., classes); 0 if neither present nor predicted (scikit-learn)."""
    hits = np.diagonal(counts, axis1=-2, axis2=-1)
    values = ratio(2 * hits, counts.sum(axis=-1) + counts.sum(axis=-2))
    return np.nan_to_num(values, nan=0.0)


def macro_f1(counts: Floats) -> Floats:
    """Mean of the classes' F1."""
    mean: Floats = f1(counts).mean(axis=-1)
    return mean


def balanced_accuracy(counts: Floats) -> Floats:
    """Mean sensitivity; NaN where a class has no case."""
    mean: Floats = sensitivity(counts).mean(axis=-1)
    return mean


def mcc(counts: Floats) -> Floats:
    """Matthews' correlation, of more than two classes as Gorodkin (2004).

    0 where all cases are given one class, as scikit-learn; NaN where all are of one class.
    """
    truths, predictions = counts.sum(axis=-1), counts.sum(axis=-2)
    total = truths.sum(axis=-1)
    right = np.trace(counts, axis1=-2, axis2=-1)
    together = right * total - (truths * predictions).sum(axis=-1)
    of_truth = total**2 - (truths**2).sum(axis=-1)
    of_predictions = total**2 - (predictions**2).sum(axis=-1)
    coefficient = np.nan_to_num(ratio(together, np.sqrt(of_truth * of_predictions)), nan=0.0)
    return np.where(of_truth > 0, coefficient, np.nan)


def known(value: float) -> float | None:
    """A metric as it is written: None where it is not defined."""
    return float(value) if np.isfinite(value) else None
