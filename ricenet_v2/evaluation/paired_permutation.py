"""Paired permutation tests by patient, and the differences that they do not reject."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.resampling import Patients

Ends = tuple[float, float] | None

FEWEST = 6
"""The smallest number of patients with which such a test can reject at the level of 0.05."""
_NUMBERS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class PairedPermutation:
    """Permutations: the patients that are swapped in each sample.

    Attributes:
        swapped: Axes (patients, samples); that nobody is swapped is the first sample.
        is_complete: Whether these are all ways there are.
    """

    swapped: NDArray[np.bool_]
    is_complete: bool

    @classmethod
    def of(cls, count: int, most: int, random: np.random.Generator) -> PairedPermutation:
        """All permutations if there are at most `most`, else that many random ones and the first.

        The first patient is never swapped: swapping all the others gives the same size with the
        other sign.
        """
        if 2 ** (count - 1) <= most:
            codes = np.arange(2 ** (count - 1))
            bits = ((codes[None, :] >> np.arange(count - 1)[:, None]) & 1).astype(np.bool_)
        else:
            bits = random.integers(0, 2, (count - 1, most + 1), dtype=np.bool_)
            bits[:, 0] = False
        first = np.zeros((1, bits.shape[1]), dtype=np.bool_)
        return cls(np.concatenate([first, bits]), 2 ** (count - 1) <= most)

    def by_case(self, patients: Patients) -> Iterator[Floats]:
        """1 or 0 by case, axes (cases, samples), some samples at a time."""
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(patients.owner)))
        for start in range(0, self.swapped.shape[1], at_once):
            part = self.swapped[:, start : start + at_once]
            yield part[patients.owner].astype(np.float64)

    @property
    def description(self) -> str:
        """Number of permutations as text, for the name of a test."""
        n = self.swapped.shape[1]
        return f"all {2 * n} permutations" if self.is_complete else f"{n - 1} random permutations"


def share_as_large(values: Floats) -> float | None:
    """Two-sided p: the share of samples at least as far from 0 as the first one, it included.

    None where the first one is not defined.

    Args:
        values: Metric of each sample of `PairedPermutation`, shape (samples,).
    """
    if not np.isfinite(values[0]):
        return None
    return float(np.mean(_as_large(values)))


def _as_large(values: Floats) -> NDArray[np.bool_]:
    least = abs(values[0]) - 1e-9 * max(1.0, abs(values[0]))
    large: NDArray[np.bool_] = np.abs(values) >= least
    return large


def not_rejected(
    values: Floats,
    kept: Floats,
    level: float = 0.95,
    p: float | None = None,
    *,
    step: float = 0.0,
    stretch: float = 1.0,
) -> Ends:
    """The interval of a difference that belongs to its test: it leaves 0 out just where p is small.

    That the true difference is d is tested by taking d off the parts that the cases have in the
    difference, and swapping what is left: a sample is then `values - d * kept`, and speaks for d
    where it lies at least as far from 0 as the difference as it is, `values[0] - d`. Each sample
    speaks for the d between two roots, so the ends are order statistics of these. Of means over
    cases this is the interval that belongs to Fisher's test of pairs (Maritz 1995,
    Distribution-Free Statistical Methods, chapter 2); of other metrics it is as good as they are
    near to means.

    Counts move in steps, and many samples lie equally far. The smallest d parts them, and so would
    leave out differences next to 0 where 0 is not; so a sample speaks for d also where it is nearer
    by up to `step`, a correction for continuity. Of 0 only p decides, which is as it is.

    Args:
        values: Metric of each sample of `PairedPermutation`, shape (samples,); the first observed.
        kept: Weight of the cases that are not swapped less that of those that are, from -1 to 1, of
            the same samples; the first is 1.
        level: Coverage.
        p: P-value of an exact test that the samples approximate; theirs where None.
        step: Half of the step by which one case moves the metric; 0 of metrics without steps.
        stretch: Distance by which the ends are moved away from the difference, though not across 0.

    Returns:
        None where a difference is not defined, none is far enough away to be rejected, no sample
        agrees with an exact p, or all cases have the same difference, whose spread is not known.
    """
    if not np.isfinite(values).all() or np.ptp(values - values[0] * kept) <= 1e-12:
        return None
    alpha, value = round(1 - level, 12), float(values[0])
    p = float(np.mean(_as_large(values))) if p is None else p
    if value < 0:  # the same of the other sign
        low, high = not_rejected(-values, kept, level, p, step=step, stretch=stretch) or (
            None,
            None,
        )
        return None if low is None or high is None else (-high, -low)
    lows, highs = _roots(values, kept, step)
    rank = _rank(len(values), alpha)
    low, high = float(lows[rank - 1]), float(highs[-rank])
    if not np.isfinite([low, high]).all():
        return None
    wide, high = value - stretch * (value - low), value + stretch * (high - value)
    if p >= alpha:
        return min(wide, 0.0), high
    # Without what was added, else the next order statistic, where these would hold 0; none where
    # an exact p is small and no sample says so.
    strict = _roots(values, kept, 0.0)[0]
    above = [x for x in (wide, low, *strict[rank - 1 :].tolist()) if x > 0]
    return (above[0], high) if above else None


def _rank(n: int, alpha: float) -> int:
    """The smallest share of n that is no smaller than alpha."""
    rank = max(1, int(alpha * n))
    return rank if rank / n >= alpha else rank + 1


def _roots(values: Floats, kept: Floats, step: float) -> tuple[Floats, Floats]:
    """The smallest and the largest difference that each sample speaks for, each sorted."""
    value = values[0]
    with np.errstate(divide="ignore", invalid="ignore"):
        below = (value - step - values) / (1 - kept), (value - step + values) / (1 + kept)
        above = (value + step + values) / (1 + kept), (value + step - values) / (1 - kept)
    lows = np.minimum(np.minimum(*below), value - step)
    highs = np.maximum(np.maximum(*above), value + step)
    lows[0], highs[0] = -np.inf, np.inf  # as it is the sample speaks for any difference
    large = _as_large(values)  # as p counts them, which rounding must not part
    lows[large], highs[large] = np.minimum(lows[large], 0), np.maximum(highs[large], 0)
    return np.sort(lows), np.sort(highs)


def mean_p(
    values: Floats, patients: Patients, most: int, random: np.random.Generator
) -> float | None:
    """Two-sided p of a mean that differs from 0, see `mean_test`."""
    return mean_test(values, patients, most, random)[0]


def mean_test(
    values: Floats, patients: Patients, most: int, random: np.random.Generator, level: float = 0.95
) -> tuple[float | None, Ends]:
    """Two-sided p of a mean that differs from 0, and the interval of the mean that belongs to it.

    By turning the signs of whole patients (Fisher). Exact for any number of patients where values
    lie evenly around the mean; with n patients p is at least 2 / 2^n, so with fewer than six of
    them never below 0.05, and there is no interval.

    Args:
        values: One per case.
        patients: Patient of each case.
        most: Samples.
        random: Draws them where there are more ways.
        level: Coverage of the intervals.
    """
    signs = 1.0 - 2 * PairedPermutation.of(patients.count, most, random).swapped
    n = len(values)
    sums, parts = (
        np.bincount(patients.owner, each, minlength=patients.count) / n
        for each in (values, np.ones(n))
    )
    drawn = sums @ signs
    return share_as_large(drawn), not_rejected(drawn, parts @ signs, level)
