"""Brier score and log loss: the loss of each case, and the interval of their mean."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation import influence
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.sufficient_statistics import LEAST

SCORE = "score interval, variance clustered by patient, at least that implied by the probabilities"


@dataclass(frozen=True)
class Losses:
    """Loss of each case, and its loss if it were of each class.

    Attributes:
        truth: Class of each case, shape (cases,).
        probabilities: Axes (cases, classes).
        of_class: Loss of each case if it were of each class, axes (cases, classes).
        most: The largest loss that there can be; None where there is no such limit.
    """

    truth: Indices
    probabilities: Floats
    of_class: Floats
    most: float | None

    @classmethod
    def brier(cls, truth: Indices, probabilities: Floats) -> Losses:
        """Squared errors; two classes: of one probability (0 to 1), more: summed (0 to 2)."""
        scale = 0.5 if probabilities.shape[1] == 2 else 1.0
        squares = (probabilities**2).sum(axis=1, keepdims=True)
        return cls(truth, probabilities, scale * (squares - 2 * probabilities + 1), 2 * scale)

    @classmethod
    def log(cls, truth: Indices, probabilities: Floats) -> Losses:
        """Minus the log of what a class was given."""
        return cls(truth, probabilities, -np.log(np.clip(probabilities, LEAST, 1)), None)

    def interval(self, patients: Patients, level: float) -> tuple[float, float] | None:
        """Score interval of the mean loss (as Wilson's of a share, 1927).

        It holds the means from which the observed one is less than a t quantile (patients less one)
        of standard deviations away, if the variance is proportional to the mean (quasi-Poisson,
        McCullagh and Nelder 1989), or to m (1 - m) of a loss from 0 to 1. The factor is that of the
        observed losses, by patient, or, where this is larger, that of labels drawn by the stated
        probabilities: few cases may hold none of the rare ones that cost much, and then their
        losses alone look more alike than they are.

        Args:
            patients: Patient of each case.
            level: Coverage.

        Returns:
            None of one patient, and where the probabilities leave nothing to chance.
        """
        n = len(self.truth)
        if patients.count < 2:
            return None
        scale = self.most or 1.0
        costs = self.of_class / scale
        observed = costs[np.arange(n), self.truth]
        mean = float(observed.mean())
        moved = (observed - mean) / n
        wider = influence.design_effect(moved, patients)
        stated = (self.probabilities * costs).sum(axis=1)
        spread = (self.probabilities * costs**2).sum(axis=1) - stated**2
        by_model = wider * (float(spread.mean()) + float(stated.var())) / n
        factor = max(
            self._factor(influence.variance(moved, patients), mean),
            self._factor(by_model, float(stated.mean())),
        )
        if factor <= 0:
            return None
        q = influence.t_quantile(patients.count, level) ** 2 * factor
        # The square of (mean - m) is q m, or q m (1 - m) where a loss has an upper end.
        ended = self.most is not None
        reach = float(np.sqrt(q * mean * (1 - mean * ended) + q * q / 4))
        low, high = ((mean + q / 2 + sign * reach) / (1 + q * ended) for sign in (-1, 1))
        return max(0.0, low) * scale, high * scale

    def _factor(self, variance: float, mean: float) -> float:
        """Variance of the mean loss, in parts of what it is proportional to."""
        unit = mean * (1 - mean) if self.most is not None else mean
        return variance / unit if unit > 0 else 0.0
