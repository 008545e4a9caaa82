"""Criteria of Riley et al. for the size of a cohort, as functions of numbers alone.

Development of a model: Riley et al. 2019 (Stat Med 38:1276) and 2020 (BMJ 368:m441). Evaluation in
new patients: Riley et al. 2021 (Stat Med 40:4230). Standard errors are those of the metric's own
scale, but of the ratio observed : expected that of its logarithm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats
from scipy.special import expit, logit, xlogy

from ricenet_v2.core.types import Floats

_NODES = 80  # of the quadrature: the integrals below are then right to seven digits
_MOST = 1e9


@dataclass(frozen=True)
class LogOdds:
    """Distribution of the log odds of a model, as points with weights that sum to one.

    Attributes:
        points: Log odds, shape (points,).
        weights: Their weights, shape (points,).
    """

    points: Floats
    weights: Floats

    @classmethod
    def normal(cls, mean: float, deviation: float) -> LogOdds:
        """Normal over all patients."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(_NODES)
        return cls(mean + deviation * nodes, weights / weights.sum())

    @classmethod
    def calibrated(cls, prevalence: float, auroc: float) -> LogOdds:
        """Normal within each class, of one variance, so that the probabilities are right.

        Then the variance is twice the square of the AUROC's probit, which is also the distance of
        the classes (Riley et al. 2021, section 4.6).
        """
        variance = 2 * float(stats.norm.ppf(auroc)) ** 2
        without = cls.normal(float(logit(prevalence)) - variance / 2, math.sqrt(variance))
        return cls(
            np.concatenate([without.points, without.points + variance]),
            np.concatenate([without.weights * (1 - prevalence), without.weights * prevalence]),
        )

    def mean(self, values: Floats) -> float:
        """Mean of a function from its values at the points."""
        return float(self.weights @ values)


def se_observed_expected(n: float, prevalence: float) -> float:
    """Standard error of the logarithm of observed : expected."""
    return math.sqrt((1 - prevalence) / (n * prevalence))


def n_observed_expected(prevalence: float, se: float) -> float:
    """Patients needed for this standard error."""
    return (1 - prevalence) / (prevalence * se**2)


def se_of_ratio(width: float, z: float) -> float:
    """Standard error of a logarithm whose interval around the ratio 1 is so wide."""
    return math.asinh(width / 2) / z


def se_slope(n: float, odds: LogOdds) -> float:
    """Standard error of the calibration slope of a calibrated model."""
    spread: Floats = expit(odds.points) * expit(-odds.points)
    m0, m1 = odds.mean(spread), odds.mean(spread * odds.points)
    m2 = odds.mean(spread * odds.points**2)
    return math.sqrt(m0 / (n * (m0 * m2 - m1**2)))


def n_slope(odds: LogOdds, se: float) -> float:
    """Patients needed for this standard error."""
    return se_slope(1, odds) ** 2 / se**2


def se_auroc(n: float, prevalence: float, auroc: float) -> float:
    """Standard error of the AUROC (Newcombe 2006, method 4, after Hanley and McNeil 1982)."""
    rest = n / 2 - 1
    spread = 1 + rest * (1 - auroc) / (2 - auroc) + rest * auroc / (1 + auroc)
    return math.sqrt(auroc * (1 - auroc) * spread / (n**2 * prevalence * (1 - prevalence)))


def n_auroc(prevalence: float, auroc: float, se: float) -> float:
    """Patients needed for this standard error."""
    return float(
        optimize.brentq(lambda n: se_auroc(n, prevalence, auroc) - se, 1, _MOST, xtol=1e-6)
    )


def se_net_benefit(
    n: float, prevalence: float, sensitivity: float, specificity: float, threshold: float
) -> float:
    """Standard error of the net benefit divided by the prevalence (Marsh et al. 2020)."""
    weight = (1 - prevalence) / prevalence * threshold / (1 - threshold)
    false = 1 - specificity
    variance = (
        sensitivity * (1 - sensitivity) / prevalence
        + weight**2 * specificity * false / (1 - prevalence)
        + weight**2 * false**2 / (prevalence * (1 - prevalence))
    )
    return math.sqrt(variance / n)


def n_net_benefit(
    prevalence: float, sensitivity: float, specificity: float, threshold: float, se: float
) -> float:
    """Patients needed for this standard error."""
    return se_net_benefit(1, prevalence, sensitivity, specificity, threshold) ** 2 / se**2


def r_squared(odds: LogOdds, prevalence: float) -> float:
    """R-squared of Cox and Snell that goes with such log odds (Riley et al. 2020)."""
    p: Floats = expit(odds.points)
    known = float(odds.weights @ (xlogy(p, p) + xlogy(1 - p, 1 - p)))
    return 1 - math.exp(-2 * (known - _null(prevalence)))


def most_r_squared(prevalence: float) -> float:
    """The highest that the R-squared of Cox and Snell can be."""
    return 1 - math.exp(2 * _null(prevalence))


def _null(prevalence: float) -> float:
    """Log likelihood of a patient where only the prevalence is known."""
    return float(xlogy(prevalence, prevalence) + xlogy(1 - prevalence, 1 - prevalence))


def n_shrinkage(parameters: float, r2: float, shrinkage: float = 0.9) -> float:
    """Patients for a logistic regression of so many parameters to shrink to no less than that."""
    return parameters / ((shrinkage - 1) * math.log(1 - r2 / shrinkage))


def shrinkage_of_optimism(r2: float, prevalence: float, optimism: float = 0.05) -> float:
    """The shrinkage at which the optimism in Nagelkerke's R-squared is no more than that."""
    return r2 / (r2 + optimism * most_r_squared(prevalence))


def n_overall_risk(prevalence: float, margin: float, z: float) -> float:
    """Patients for the share of the class to be known within a margin on either side."""
    return (z / margin) ** 2 * prevalence * (1 - prevalence)
