"""Exact tests by patient: what is paired is swapped, patient by patient, which chance might do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.evaluation.resampling import Patients

Floats = NDArray[np.float64]

FEWEST = 6
"""Patients from which on such a test can tell anything at the level of 0.05."""
_NUMBERS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class Swaps:
    """Which patients are swapped in each sample.

    Attributes:
        swapped: 1 or 0, axes (patients, samples); that nobody is swapped is the first sample.
        is_complete: Whether these are all ways there are.
    """

    swapped: Floats
    is_complete: bool

    @classmethod
    def of(cls, count: int, most: int, random: np.random.Generator) -> Swaps:
        """All ways where there are at most `most`, else that many at random beside the first.

        The first patient is never swapped: swapping all the others gives the same size with the
        other sign.
        """
        if 2 ** (count - 1) <= most:
            codes = np.arange(2 ** (count - 1))
            bits = (codes[None, :] >> np.arange(count - 1)[:, None]) & 1
        else:
            bits = random.integers(0, 2, (count - 1, most + 1))
            bits[:, 0] = 0
        first = np.zeros((1, bits.shape[1]))
        return cls(np.concatenate([first, bits]), 2 ** (count - 1) <= most)

    def by_case(self, patients: Patients) -> Iterator[Floats]:
        """The same by case, axes (cases, samples), some samples at a time."""
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(patients.owner)))
        for start in range(0, self.swapped.shape[1], at_once):
            yield self.swapped[:, start : start + at_once][patients.owner]

    @property
    def words(self) -> str:
        """How many, for the name of a test."""
        n = self.swapped.shape[1]
        return f"all {2 * n} swaps" if self.is_complete else f"{n - 1} random swaps"


def share_as_large(values: Floats) -> float | None:
    """Two-sided p: the share of samples at least as far from 0 as the first one, it included.

    None where the first one is not defined.

    Args:
        values: Of the samples of `Swaps`, shape (samples,).
    """
    if not np.isfinite(values[0]):
        return None
    least = abs(values[0]) - 1e-9 * max(1.0, abs(values[0]))
    return float(np.mean(np.abs(values) >= least))


def mean_p(
    values: Floats, patients: Patients, most: int, random: np.random.Generator
) -> float | None:
    """Two-sided p of a mean that differs from 0, by turning the signs of whole patients (Fisher).

    Exact for any number of patients where values lie evenly around 0; with n patients at least
    2 / 2^n, so with fewer than six of them never below 0.05.

    Args:
        values: One per case.
        patients: Of the cases.
        most: Samples.
        random: Draws them where there are more ways.
    """
    sums = np.bincount(patients.owner, values, minlength=patients.count)
    return share_as_large(sums @ (1 - 2 * Swaps.of(patients.count, most, random).swapped))
