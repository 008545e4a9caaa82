"""Flexible calibration: the share of a class as a smooth function of its probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats
from scipy.special import expit, logit

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.class_counts import ENOUGH, of_rarer_side, rarer
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.logistic import fitted

FEWEST_OF_LINE, FEWEST_OF_CURVE = 10, 20
"""Patients of the rarer side: ten for each coefficient beside the constant (Peduzzi 1996)."""
_LEAST = 1e-6
_KNOTS = (0.1, 0.5, 0.9)
CURVE = "restricted cubic spline of the log odds, 3 knots"
LINE = "straight line on the log odds"


@dataclass(frozen=True)
class Basis:
    """Spline basis of the log odds of the class.

    Attributes:
        centre: Mean log odds of the probabilities.
        scale: Their standard deviation.
        knots: Three, of the scaled log odds; none for a straight line.
    """

    centre: float
    scale: float
    knots: tuple[float, ...]

    @classmethod
    def of(cls, p: Floats, *, bent: bool) -> Basis:
        """Knots at the 10th, 50th and 90th percentile (Harrell 2015); straight if these are equal.

        Args:
            p: Probabilities.
            bent: Whether there are enough cases for a curve.
        """
        odds = _odds(p)
        centre, scale = float(odds.mean()), float(odds.std())
        knots = np.quantile((odds - centre) / max(scale, _LEAST), _KNOTS)
        apart = np.diff(knots).min() > _LEAST
        return cls(centre, scale, tuple(knots.tolist()) if bent and apart else ())

    def __call__(self, p: Floats) -> Floats:
        """Design matrix (cases, coefficients): constant, log odds, and the spline term."""
        x = (_odds(p) - self.centre) / self.scale
        columns = [np.ones_like(x), x]
        if self.knots:
            first, middle, last = self.knots
            cubes = [np.maximum(x - knot, 0) ** 3 for knot in self.knots]
            bend = (
                cubes[0]
                - cubes[1] * (last - first) / (last - middle)
                + cubes[2] * (middle - first) / (last - middle)
            )
            columns.append(bend / (last - first) ** 2)
        return np.column_stack(columns)


@dataclass(frozen=True)
class Flexible:
    """A fitted curve.

    Attributes:
        basis: Basis of the log odds.
        coefficients: Shape (coefficients,).
        covariance: Covariance of the coefficients, by patient.
        of_likelihood: The same for independent cases, from the curvature of the likelihood.
    """

    basis: Basis
    coefficients: Floats
    covariance: Floats
    of_likelihood: Floats

    @property
    def method(self) -> str:
        """Name of the method."""
        return CURVE if self.basis.knots else LINE

    def at(self, p: Floats) -> Floats:
        """Fitted share of the class at each probability."""
        shares: Floats = expit(self.basis(p) @ self.coefficients)
        return shares

    def band(self, p: Floats, level: float) -> tuple[Floats, Floats]:
        """Pointwise limits at each probability: Wald's on the log odds.

        Of both variances the larger is taken. That by patient is somewhat too small at the ends of
        a curve, and the other one far too small where patients have several cases.
        """
        design = self.basis(p)
        middle = design @ self.coefficients
        variances = [
            np.einsum("ij,jk,ik->i", design, covariance, design)
            for covariance in (self.covariance, self.of_likelihood)
        ]
        reach = stats.norm.ppf((1 + level) / 2) * np.sqrt(np.maximum(*variances))
        return expit(middle - reach), expit(middle + reach)


def flexible(labelled: LabelledPredictions, index: int) -> Flexible | str:
    """Logistic regression of a class on its log odds, bent at three knots.

    With 10 to 19 patients of the rarer side a straight line (Cox 1958), below 10 nothing.

    Returns:
        The fit, or the reason why there is none.
    """
    name, p, in_class = (
        labelled.classes[index],
        labelled.probabilities[:, index],
        labelled.truth == index,
    )
    few = rarer(labelled, in_class)
    if few < FEWEST_OF_LINE:
        return (
            f"no flexible calibration curve of {name}: {of_rarer_side(few)}, "
            f"{FEWEST_OF_LINE} are needed for a line and {FEWEST_OF_CURVE} for a curve"
        )
    basis = Basis.of(p, bent=few >= FEWEST_OF_CURVE)
    if basis.scale < _LEAST:
        return f"no flexible calibration curve of {name}: all probabilities are the same"
    design = basis(p)
    fit = fitted(design, in_class.astype(np.float64), np.zeros_like(p), labelled.grouping)
    if fit is None:
        return f"no flexible calibration curve of {name}: its probabilities separate the cases"
    shares: Floats = expit(design @ fit[0])
    information: Floats = design.T @ (design * (shares * (1 - shares))[:, None])
    return Flexible(basis, *fit, np.linalg.inv(information).astype(np.float64))


def caution(labelled: LabelledPredictions, index: int) -> str:
    """Caution for a curve that rests on fewer patients than recommended; empty otherwise."""
    few = rarer(labelled, labelled.truth == index)
    if few >= ENOUGH:
        return ""
    return f"{of_rarer_side(few)}: a rough guide, {ENOUGH} are recommended"


def _odds(p: Floats) -> Floats:
    """Log odds; those of 0 and 1 as of a millionth from them."""
    odds: Floats = logit(np.clip(p, _LEAST, 1 - _LEAST))
    return odds
