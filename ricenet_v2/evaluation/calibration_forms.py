"""Forms of calibration, fitted and tried on cases that they were not fitted on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import optimize
from scipy.special import log_softmax

from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation.calibration import fit_temperature
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.sufficient_statistics import log_loss_of
from ricenet_v2.inference.recalibration import (
    NOTHING,
    SLOPE_AND_OFFSET,
    TEMPERATURE,
    log_shares,
    recalibrated,
)
from ricenet_v2.inference.temperature import LEAST, LIMITS
from ricenet_v2.records.calibration import Form, Trial
from ricenet_v2.records.prior import Recalibration

FORMS: tuple[Form, ...] = (NOTHING, TEMPERATURE, SLOPE_AND_OFFSET)
"""Forms of calibration, from the simplest."""
LEAST_OF_CLASS = 5
"""Cases of the rarest class from which on a form is tried: benchmarks/probabilities.py shows that
it does little harm then to probabilities that are right, thanks to the penalties."""
SPREAD_OF_SLOPE, SPREAD_OF_OFFSETS = 0.35, 0.5
"""Standard deviations of the normal penalties around no change, slope 1 and offsets 0."""
_PARTS = 5


@dataclass(frozen=True)
class Cases:
    """Predictions that a calibration is fitted on.

    Attributes:
        truth: Class of each case, shape (cases,).
        probabilities: Axes (cases, classes).
        patients: Name of the patient of each case.
        folds: Fold that each case was held out of, shape (cases,).
        priors: Class shares that each case's probabilities are right for, axes (cases, classes);
            None where they were not corrected for the prior.
    """

    truth: Indices
    probabilities: Floats
    patients: tuple[str, ...]
    folds: Indices
    priors: Floats | None = None

    def part(self, chosen: NDArray[np.bool_]) -> Cases:
        """Select some of the cases."""
        names = tuple(name for name, kept in zip(self.patients, chosen, strict=True) if kept)
        priors = None if self.priors is None else self.priors[chosen]
        return Cases(
            self.truth[chosen], self.probabilities[chosen], names, self.folds[chosen], priors
        )

    def by(self, fitted: Recalibration | None) -> Floats:
        """Probabilities once calibrated, axes (cases, classes)."""
        return recalibrated(self.probabilities, fitted, self.priors)

    @property
    def counts(self) -> Indices:
        """Cases of each class."""
        return np.bincount(self.truth, minlength=self.probabilities.shape[1])


def fit_slope_and_offsets(
    truth: Indices, probabilities: Floats, priors: Floats | None = None
) -> Recalibration:
    """Slope of the log probabilities and an offset of each class, of highest penalised likelihood.

    Of two classes that is Platt's method on the log odds, or the logistic recalibration of Cox
    (1958); of more, temperature scaling with a bias for each class (Alexandari, Kundaje and
    Shrikumar 2020). Normal penalties hold slope and offsets near 1 and 0, as far as few cases say
    little; so there is one maximum always, and the offsets sum to 0.

    Args:
        truth: Class of each case, shape (cases,).
        probabilities: Axes (cases, classes).
        priors: Class shares that they are right for, axes (cases, classes): the slope is of the log
            probabilities of equally frequent classes. None where it is of those given.
    """
    shares = log_shares(priors)
    logs = np.log(np.clip(probabilities, LEAST, 1)) - shares
    n, n_classes = logs.shape
    one_hot = np.eye(n_classes)[truth]

    def loss(values: Floats) -> tuple[float, Floats]:
        slope, offsets = values[0], values[1:]
        log_probabilities = log_softmax(logs * slope + offsets + shares, axis=1)
        rest = np.exp(log_probabilities) - one_hot
        far = (slope - 1) / SPREAD_OF_SLOPE, offsets / SPREAD_OF_OFFSETS
        total = (
            -float(log_probabilities[np.arange(n), truth].sum())
            + (far[0] ** 2 + far[1] @ far[1]) / 2
        )
        by_slope = float((rest * logs).sum()) + far[0] / SPREAD_OF_SLOPE
        return float(total), np.r_[by_slope, rest.sum(axis=0) + far[1] / SPREAD_OF_OFFSETS]

    bounds = [(1 / LIMITS[1], 1 / LIMITS[0]), *[(None, None)] * n_classes]
    start = np.r_[1.0, np.zeros(n_classes)]
    optimum, _, _ = optimize.fmin_l_bfgs_b(
        loss, start, bounds=bounds, factr=10.0, pgtol=1e-9, maxiter=1000
    )
    return Recalibration(float(optimum[0]), tuple(float(value) for value in optimum[1:]))


def fit(form: Form, cases: Cases) -> Recalibration | None:
    """Fit a form; None for no change, and for a temperature that meets a limit."""
    if form == NOTHING:
        return None
    if form == SLOPE_AND_OFFSET:
        return fit_slope_and_offsets(cases.truth, cases.probabilities, cases.priors)
    patients = Patients.of(cases.patients)
    fitted = fit_temperature(cases.truth, cases.probabilities, patients, prior=cases.priors)
    return None if fitted.met_limit else Recalibration(1 / fitted.value)


def cases_needed(form: Form, counts: Sequence[int] | Indices) -> int:
    """Cases that hold five of the rarest class at these class shares; 0 where nothing is fitted.

    Args:
        form: Form of the calibration.
        counts: Cases of each class.
    """
    if form == NOTHING:
        return 0
    rarest = min(int(count) for count in counts)
    return math.ceil(LEAST_OF_CLASS * sum(int(count) for count in counts) / max(rarest, 1))


def held_out(form: Form, cases: Cases, parts: Indices) -> Floats:
    """Probabilities of each part by what was fitted on the others, axes (cases, classes)."""
    probabilities = np.empty_like(cases.probabilities)
    for part in np.unique(parts):
        in_part = parts == part
        probabilities[in_part] = cases.part(in_part).by(fit(form, cases.part(~in_part)))
    return probabilities


def parts_of(cases: Cases) -> Indices:
    """Part of each case for leaving out: its fold, or a part of the patients if one fold.

    A patient of several folds would be on both sides; then patients are shared out too.
    """
    names, owner = np.unique(np.asarray(cases.patients, dtype=str), return_inverse=True)
    folds_of = [len(np.unique(cases.folds[owner == n])) for n in range(len(names))]
    if len(np.unique(cases.folds)) > 1 and max(folds_of) == 1:
        return cases.folds
    return _shared_out(cases, owner, len(names))


def _shared_out(cases: Cases, owner: Indices, n_patients: int) -> Indices:
    """Patients in five parts, those of a class in turn."""
    of_patient = np.zeros(n_patients, dtype=np.intp)
    of_patient[owner] = cases.truth
    part = np.empty(n_patients, dtype=np.intp)
    order = np.random.default_rng(0).permutation(n_patients)
    part[order[np.argsort(of_patient[order], kind="stable")]] = np.arange(n_patients) % _PARTS
    parts: Indices = part[owner]
    return parts


@dataclass(frozen=True)
class FormChoice:
    """The form that was taken, and what was tried."""

    form: Form
    trials: tuple[Trial, ...]


def choose(cases: Cases) -> FormChoice:
    """The form of the lowest log loss on cases it was not fitted on; of equal ones the simpler.

    Each form is fitted on all parts but one and judged on that one, in turn (`parts_of`). A form is
    tried where the rarest class has five cases.
    """
    counts, parts = cases.counts, parts_of(cases)
    as_is = log_loss_of(cases.truth, cases.probabilities)
    trials = [Trial(NOTHING, float(as_is.mean()), 0, "the probabilities as they are")]
    for form in FORMS[1:]:
        needed = cases_needed(form, counts)
        if counts.min() < LEAST_OF_CLASS:
            why = f"not tried: {counts.min()} cases of the rarest class are too few"
            trials.append(Trial(form, None, needed, why))
            continue
        losses = log_loss_of(cases.truth, held_out(form, cases, parts))
        gain, error = _gain(as_is - losses, cases.patients)
        why = f"log loss {'lower' if gain > 0 else 'higher'} by {abs(gain):.4f}"
        trials.append(
            Trial(form, float(losses.mean()), needed, f"{why} (standard error {error:.4f})")
        )
    tried = [(each.log_loss, n) for n, each in enumerate(trials) if each.log_loss is not None]
    return FormChoice(trials[min(tried)[1]].form, tuple(trials))


def _gain(differences: Floats, patients: Sequence[str]) -> tuple[float, float]:
    """Mean over the cases and its standard error, by patient."""
    of = Patients.of(patients)
    mean = float(differences.mean())
    sums = np.bincount(of.owner, differences - mean, minlength=of.count)
    correction = of.count / max(of.count - 1, 1)
    return mean, float(np.sqrt(correction * (sums**2).sum())) / len(differences)
