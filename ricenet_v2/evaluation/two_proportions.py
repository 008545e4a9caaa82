"""Intervals of a difference and of a ratio of two shares, put together from their own (MOVER)."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Flags, Floats
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.resampling import Patients


@dataclass(frozen=True)
class Proportion:
    """A share of cases with both ends of its interval."""

    value: float
    low: float
    high: float

    @classmethod
    def wilson(cls, hit: Flags, patients: Patients, level: float) -> Proportion:
        """Share with Wilson's limits for the effective number of cases.

        Args:
            hit: Whether each case counts, shape (cases,).
            patients: Patient of each case.
            level: Coverage.
        """
        value, worth = float(hit.mean()), intervals.effective_n(hit, patients, level)
        return cls(value, *intervals.wilson(value * worth, worth, level))


def together(first: Floats, second: Floats, patients: Patients) -> float:
    """Correlation of two shares over patients, from how much each case moves them.

    Args:
        first: Hits less their share, 0 for cases that are not asked, shape (cases,).
        second: The same for the other share.
        patients: Patient of each case.

    Returns:
        From -1 to 1; 0 where one of them does not vary.
    """
    a, b = (np.bincount(patients.owner, part, minlength=patients.count) for part in (first, second))
    spread = math.sqrt(float((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / spread if spread > 0 else 0.0


def difference(
    first: Proportion, second: Proportion, weight: float, correlation: float
) -> Proportion:
    """The first less the second times a weight (Zou and Donner 2008)."""
    value = first.value - weight * second.value
    down = _reach(first.value - first.low, weight * (second.high - second.value), correlation)
    up = _reach(first.high - first.value, weight * (second.value - second.low), correlation)
    return Proportion(value, value - down, value + up)


def _reach(first: float, second: float, correlation: float) -> float:
    return math.sqrt(max(0.0, first**2 + second**2 - 2 * correlation * first * second))


def ratio(top: Proportion, bottom: Proportion, correlation: float) -> tuple[float, float]:
    """Interval of top / bottom (Donner and Zou 2012), from 0 to infinity.

    An end is where the interval of top - ratio * bottom begins to hold 0. Defined also where one of
    the shares is 0 or 1, but not where both are 0.
    """
    low = _end(top, bottom, top.value - top.low, bottom.high - bottom.value, correlation)
    turned = _end(bottom, top, bottom.value - bottom.low, top.high - top.value, correlation)
    return low, 1 / turned if turned > 0 else math.inf


def _end(top: Proportion, bottom: Proportion, down: float, up: float, correlation: float) -> float:
    """The lower end: the smaller root of A r^2 - 2 B r + C, written so that A may be 0."""
    a, c = bottom.value**2 - up**2, top.value**2 - down**2
    b = top.value * bottom.value - correlation * down * up
    root = b + math.sqrt(max(0.0, b * b - a * c))
    return c / root if c > 0 and root > 0 else 0.0
