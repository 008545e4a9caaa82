"""Distances of probabilities from the flexible calibration curve: ICI, E50, E90."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.flexible import CURVE, Basis, caution, flexible
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.records.metrics import Metric

N_SIMULATED, MOST_SIMULATED = 200, 5000
_STEPS, _FAR = 20, 30.0


def calibration_indices(labelled: LabelledPredictions, positive: int, seed: int) -> list[Metric]:
    """Distances of the probabilities from the flexible curve, for each class against the rest.

    ICI, E50 and E90 are the mean, median and 90th percentile of the distance (Austin and Steyerberg
    2019). A distance is never below 0, so chance alone makes them large in few cases, and no
    interval of them holds its truth. So they have none; the method says instead what a model of the
    same probabilities would show if these were right.

    Args:
        labelled: Predictions with truths.
        positive: Class that two classes are about.
        seed: Random seed of the simulated truths.
    """
    return [
        metric
        for index in one_vs_rest_classes(labelled, positive)
        for metric in _of_class(labelled, index, seed)
    ]


def _of_class(labelled: LabelledPredictions, index: int, seed: int) -> list[Metric]:
    fit, p, n = flexible(labelled, index), labelled.probabilities[:, index], len(labelled)
    names = [f"{what} of {labelled.classes[index]}" for what in ("ICI", "E50", "E90")]
    if isinstance(fit, str):
        return [Metric(name, None, None, None, n, CURVE, fit) for name in names]
    values = _distances(np.abs(fit.at(p) - p)[:, None])[:, 0]
    chance = _by_chance(labelled, index, fit.basis, seed)
    return [
        Metric(
            name,
            float(value),
            None,
            None,
            n,
            f"{fit.method}, no interval{_if_calibrated(among)}",
            caution(labelled, index),
        )
        for name, value, among in zip(names, values, chance, strict=True)
    ]


def _if_calibrated(chance: Floats) -> str:
    """Metrics of a calibrated model, as text; empty where they were not simulated."""
    if not len(chance):
        return ""
    return (
        f"; for a calibrated model {chance.mean():.3f} in the mean and below "
        f"{np.quantile(chance, 0.95):.3f} in 95 of 100 such cohorts"
    )


def _distances(distances: Floats) -> Floats:
    """Mean, median and 90th percentile, axes (metrics, samples), of (cases, samples)."""
    return np.vstack([distances.mean(axis=0), *np.quantile(distances, (0.5, 0.9), axis=0)])


def _by_chance(labelled: LabelledPredictions, index: int, basis: Basis, seed: int) -> Floats:
    """The three distances of simulated truths that the probabilities are right of.

    Where the cases of each patient are all of one side, they are drawn together.

    Returns:
        Axes (metrics, samples); no samples above 5,000 cases, where chance makes no difference.
    """
    p, patients = labelled.probabilities[:, index], labelled.grouping
    if len(p) > MOST_SIMULATED:
        return np.empty((3, 0))
    random = generator(seed, "calibration by chance")
    hits, cases = np.bincount(patients.owner, labelled.truth == index), np.bincount(patients.owner)
    together = bool(((hits == 0) | (hits == cases)).all())
    drawn = random.random((patients.count if together else len(p), N_SIMULATED))
    truths = ((drawn[patients.owner] if together else drawn) < p[:, None]).astype(np.float64)
    design = basis(p)
    shares = expit(design @ _fitted_together(design, truths))
    kept = np.isfinite(shares).all(axis=0)
    return _distances(np.abs(shares[:, kept] - p[:, None]))


def _fitted_together(design: Floats, truths: Floats) -> Floats:
    """Logistic regressions of many truths on one design by Newton's method.

    Args:
        design: Axes (cases, coefficients).
        truths: 0 or 1, axes (cases, samples).

    Returns:
        Axes (coefficients, samples); NaN where there is no finite maximum.
    """
    size = design.shape[1]
    products = (design[:, :, None] * design[:, None, :]).reshape(len(design), size * size)
    coefficients = np.zeros((size, truths.shape[1]))
    ridge = 1e-9 * np.eye(size)  # a sample that separates the classes is left out below
    for _ in range(_STEPS):
        p = expit(design @ coefficients)
        gradient = design.T @ (truths - p)
        curvature = (products.T @ (p * (1 - p))).T.reshape(-1, size, size) + ridge
        step = np.linalg.solve(curvature, gradient.T[:, :, None])[:, :, 0].T
        coefficients += np.clip(step, -5, 5)
    return np.where(np.abs(coefficients).max(axis=0) > _FAR, np.nan, coefficients)
