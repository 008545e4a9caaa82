"""Calibration of probabilities: slope and intercept, and temperature scaling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import special
from scipy.special import log_softmax

from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation.influence import t_quantile
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.evaluation.logistic import FAR, fitted
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.inference import temperature
from ricenet_v2.inference.recalibration import log_shares
from ricenet_v2.records.metrics import Metric

_LEAST = 1e-6
_STEPS, _ENOUGH = 100, 1e-10
_SANDWICH = "Wald, variance clustered by patient, t quantile"
FEW, FEWEST = 10, 3
"""Patients of the rarer side below which intervals are warned of, and not given."""


def slope_and_intercept(labelled: LabelledPredictions, positive: int, level: float) -> list[Metric]:
    """Calibration slope and intercept of the positive class of two, or of each class of more.

    Slope: of the log odds of the class on those of its probability; 1 is right, below 1 the
    probabilities are too extreme. Intercept: what has to be added to the log odds of the
    probabilities so that they are right in the mean (calibration in the large, Van Calster 2019);
    0 is right.

    The variance is the sandwich by patient, which is too small where one side is rare; so t stands
    for the number of patients of the rarer side, and with fewer than 3 there is no interval.
    """
    class_indices = one_vs_rest_classes(labelled, positive)
    metrics = []
    for index in class_indices:
        name = labelled.classes[index]
        p = np.clip(labelled.probabilities[:, index], _LEAST, 1 - _LEAST)
        odds, truth = np.log(p / (1 - p)), (labelled.truth == index).astype(np.float64)
        ones, none, patients = np.ones_like(odds), np.zeros_like(odds), labelled.grouping
        slope = fitted(np.column_stack([odds, ones]), truth, none, patients)
        intercept = fitted(ones[:, None], truth, odds, patients)
        few = min(patients.part(np.flatnonzero(truth == side)).count for side in (0, 1))
        metrics += [
            _wald(f"calibration slope of {name}", slope, len(labelled), few, level),
            _wald(f"calibration intercept of {name}", intercept, len(labelled), few, level),
        ]
    return metrics


def _wald(name: str, fit: tuple[Floats, Floats] | None, n: int, few: int, level: float) -> Metric:
    if fit is None:
        why = (
            "not defined: one class only, or the classes are separated, or the probabilities "
            "hardly differ"
        )
        return Metric(name, None, None, None, n, _SANDWICH, why)
    value = float(fit[0][0])
    if few < FEWEST:
        why = f"no interval: only {few} patient{'s' * (few != 1)} of the rarer side"
        return Metric(name, value, None, None, n, _SANDWICH, why)
    reach = t_quantile(few, level) * float(fit[1][0, 0]) ** 0.5
    if reach > FAR:
        why = "no interval: the probabilities hardly differ, and fit nearly any value"
        return Metric(name, value, None, None, n, _SANDWICH, why)
    warning = f"only {few} patients of the rarer side" if few < FEW else ""
    return Metric(name, value, value - reach, value + reach, n, _SANDWICH, warning)


@dataclass(frozen=True)
class Temperature:
    """A fitted temperature with the ends of its interval, None where there is none.

    An end beyond the limits of the search, 0.05 and 20, is None, too: where the probabilities
    hardly differ, they fit nearly any temperature, and the end would be a number of ten digits.
    `met_limit` says that the likelihood wanted a temperature beyond these limits.
    """

    value: float
    low: float | None
    high: float | None
    met_limit: bool = False


def fit_temperature(
    truth: Indices,
    probabilities: Floats,
    patients: Patients,
    level: float = 0.95,
    prior: Floats | None = None,
) -> Temperature:
    """The temperature of highest likelihood (Guo et al. 2017).

    The likelihood is concave in 1 / temperature, which is found by Newton's method. The interval is
    Wald's on the logarithm, with the sandwich variance by patient.

    Args:
        truth: Class of each case, shape (cases,).
        probabilities: Axes (cases, classes).
        patients: Patient of each case.
        level: Coverage of the interval.
        prior: Class shares that probabilities are right for, axes (cases, classes): the temperature
            is that of equally frequent classes. None where it is that of probabilities as given.
    """
    added = log_shares(prior)
    logs = np.log(np.clip(probabilities, temperature.LEAST, 1)) - added
    true_logs = logs[np.arange(len(truth)), truth]
    lowest, highest = 1 / temperature.LIMITS[1], 1 / temperature.LIMITS[0]
    # The likelihood still rises (or has gone flat) at a limit, e.g. where every call is right.
    for limit, sign in ((highest, 1), (lowest, -1)):
        if sign * float(_derivatives(logs, true_logs, limit, added)[0].sum()) > -_ENOUGH:
            return Temperature(1 / limit, None, None, met_limit=True)
    inverse = 1.0
    for _ in range(_STEPS):
        gradient, curvature = _derivatives(logs, true_logs, inverse, added)
        step = float(gradient.sum()) / max(curvature, 1e-300)
        # Half of the way to a limit at most, so that it is neared but not crossed.
        new = inverse + float(np.clip(step, (lowest - inverse) / 2, (highest - inverse) / 2))
        done, inverse = abs(new - inverse) < _ENOUGH * inverse, new
        if done:
            break
    if patients.count < 2:
        return Temperature(1 / inverse, None, None)
    gradient, curvature = _derivatives(logs, true_logs, inverse, added)
    by_patient = np.bincount(patients.owner, gradient, minlength=patients.count)
    correction = patients.count / (patients.count - 1)
    deviation = float(np.sqrt(correction * (by_patient**2).sum())) / curvature / inverse
    reach = float(np.exp(special.ndtri((1 + level) / 2) * deviation))
    ends = (1 / inverse / reach, 1 / inverse * reach)
    return Temperature(
        1 / inverse,
        ends[0] if ends[0] >= temperature.LIMITS[0] else None,
        ends[1] if ends[1] <= temperature.LIMITS[1] else None,
    )


def _derivatives(
    logs: Floats, true_logs: Floats, inverse: float, added: Floats
) -> tuple[Floats, float]:
    """Slope of each case's log likelihood in 1 / temperature, and minus the sum of curvatures."""
    p = np.exp(log_softmax(logs * inverse + added, axis=1))
    mean = (p * logs).sum(axis=1)
    return true_logs - mean, float(((p * logs**2).sum(axis=1) - mean**2).sum())
