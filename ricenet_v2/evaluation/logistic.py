"""Logistic regression by Newton's method, with a variance that knows of patients."""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.resampling import Patients

FAR = 30.0
"""Coefficients beyond this, in either direction, are not taken for finite."""
_STEPS, _ENOUGH = 50, 1e-10
_WORST_CONDITION = 1e12


def fitted(
    design: Floats, truth: Floats, offset: Floats, patients: Patients
) -> tuple[Floats, Floats] | None:
    """Maximum likelihood and the sandwich variance by patient (Liang and Zeger 1986).

    The variance is multiplied by G / (G - 1) for G patients, as statsmodels does for one group
    variable, but for its factor (n - 1) / (n - k).

    Args:
        design: Axes (cases, coefficients).
        truth: 0 or 1, shape (cases,).
        offset: Added to the log odds, shape (cases,).
        patients: Patient of each case.

    Returns:
        Coefficients (coefficients,) and their covariance; None where there is no finite maximum
        (all of one class, or the classes are separated), only one patient, or columns that say the
        same (all probabilities alike), whose coefficients rounding would decide.
    """
    if patients.count < 2 or not 0 < truth.sum() < len(truth):
        return None
    coefficients = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        p = expit(offset + design @ coefficients)
        information = design.T @ (design * (p * (1 - p))[:, None])
        # Columns that differ by rounding alone, e.g. of a model that gives all cases one number.
        if np.linalg.cond(information) > _WORST_CONDITION:
            return None
        try:
            step = np.linalg.solve(information, design.T @ (truth - p))
        except np.linalg.LinAlgError:
            return None
        # A step that is too long would leave the region where the likelihood is known well.
        coefficients = coefficients + step * min(1.0, 5.0 / max(float(np.abs(step).max()), 1e-300))
        if not np.isfinite(coefficients).all() or np.abs(coefficients).max() > FAR:
            return None
        if np.abs(step).max() < _ENOUGH:
            break
    else:
        return None
    return coefficients, _sandwich(
        design, truth - expit(offset + design @ coefficients), information, patients
    )


def _sandwich(design: Floats, rest: Floats, information: Floats, patients: Patients) -> Floats:
    scores = np.zeros((patients.count, design.shape[1]))
    np.add.at(scores, patients.owner, design * rest[:, None])
    inverse = np.linalg.inv(information)
    covariance: Floats = inverse @ (scores.T @ scores) @ inverse
    return covariance * patients.count / (patients.count - 1)
