"""A mean over studies, or centres, whose true values differ, and an interval for a new one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import optimize, stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats

N_DRAWS = 20_000
_STEPS = 400


@dataclass(frozen=True)
class RandomEffects:
    """Random-effects model of some estimates.

    Attributes:
        values: Estimates, shape (n,).
        variances: Variances of their errors.
        mean: Mean of the distribution of the true values.
        error: Standard error of the mean.
        tau: Standard deviation of the true values.
    """

    values: Floats
    variances: Floats
    mean: float
    error: float
    tau: float

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Interval of the mean, Student's t with n - 1 df (Knapp and Hartung 2003)."""
        reach = float(stats.t.ppf((1 + level) / 2, len(self.values) - 1)) * self.error
        return self.mean - reach, self.mean + reach

    def prediction(self, level: float = 0.95, seed: int = 0) -> tuple[float, float]:
        """Prediction interval of a new true value, with the uncertainty of tau in it.

        The usual interval takes tau for known and is too narrow where it is estimated as 0 by
        chance (Partlett and Riley 2017). Here tau is drawn from its confidence distribution
        (Q-profile: Viechtbauer 2007), then the mean, then a true value (in the way of Nagashima,
        Noma and Furukawa 2019).

        Args:
            level: Coverage.
            seed: Random seed of the draws.
        """
        random = generator(seed, "random effects")
        tau2 = spread_of(self.values, self.variances, random.chisquare(self._freedom, N_DRAWS))
        weights = 1 / (self.variances + tau2[:, None])
        total = weights.sum(axis=1)
        mean = (weights * self.values).sum(axis=1) / total
        drawn = mean + random.standard_t(self._freedom, N_DRAWS) / np.sqrt(total)
        drawn += np.sqrt(tau2) * random.normal(size=N_DRAWS)
        low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    @property
    def _freedom(self) -> int:
        return len(self.values) - 1


def random_effects(values: Floats, variances: Floats) -> RandomEffects:
    """The model by the estimator of Paule and Mandel (1982).

    At that estimate the factor of Knapp and Hartung is 1, or below it where tau is 0; it is never
    taken below 1 (Roever et al. 2015), so the error is the usual one.

    Args:
        values: Estimates, shape (n,), n at least 3.
        variances: Variances of their errors, above 0.
    """

    def excess(tau2: float) -> float:
        return float(squares(values, variances, np.array([tau2]))[0]) - (len(values) - 1)

    tau2, upper = 0.0, float(np.ptp(values)) ** 2
    if excess(0.0) > 0:
        # At the squared range the weighted squares sum to less than n - 1.
        tau2 = float(optimize.brentq(excess, 0.0, upper, xtol=1e-14))
    weights = 1 / (variances + tau2)
    mean = float(np.average(values, weights=weights))
    return RandomEffects(values, variances, mean, float(weights.sum() ** -0.5), tau2**0.5)


def squares(values: Floats, variances: Floats, tau2: Floats) -> Floats:
    """Weighted squares about the weighted mean, which fall with tau squared, shape of `tau2`.

    At the true tau squared they follow chi-square with n - 1 degrees of freedom.
    """
    weights = 1 / (variances + tau2[:, None])
    mean = (weights * values).sum(axis=1, keepdims=True) / weights.sum(axis=1, keepdims=True)
    sums: Floats = (weights * (values - mean) ** 2).sum(axis=1)
    return sums


def spread_of(values: Floats, variances: Floats, target: Floats) -> Floats:
    """Tau squared at which the weighted squares are as wanted; 0 where they never are so many.

    Args:
        values: Estimates.
        variances: Variances of their errors.
        target: Sums of weighted squares, shape (draws,).
    """
    # Beyond the largest value the squares are fewer than the fewest wanted.
    highest = len(values) * np.ptp(values) ** 2 / target.min() + variances.min()
    steps = np.r_[0.0, np.geomspace(1e-6 * variances.min(), highest, _STEPS)]
    reached = squares(values, variances, steps)
    spreads: Floats = np.interp(target, reached[::-1], steps[::-1])
    return spreads
