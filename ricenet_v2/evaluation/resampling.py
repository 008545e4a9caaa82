"""Weights of cases: bootstrap samples that draw patients, and samples that leave patients out.

A sample is how often each case is in it, so that every metric of many samples is a few matrix
products. Weights have axes (cases, samples).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.machine import n_cores
from ricenet_v2.core.types import Floats, Indices

Metrics = Callable[[Floats], Floats]
"""Function from weights (cases, samples) to metrics (samples, metrics)."""

_NUMBERS_AT_ONCE = 1_000_000
_MOST_THREADS = 4  # each takes some hundred megabytes of a large evaluation
MOST_LEFT_OUT = 500
"""More patients than this are left out in that many groups of equal size. The acceleration is the
same: the skewness of a mean of m falls as the root of m, and the number of groups as m."""


@dataclass(frozen=True)
class Patients:
    """Assignment of cases to patients.

    Attributes:
        owner: Index of the patient of each case, shape (cases,).
        count: Number of patients.
    """

    owner: Indices
    count: int

    @classmethod
    def of(cls, names: Sequence[str]) -> Patients:
        """Build the assignment from the name of each case's patient."""
        unique, owner = np.unique(np.asarray(names, dtype=str), return_inverse=True)
        return cls(owner.astype(np.intp), len(unique))

    def part(self, chosen: Indices) -> Patients:
        """Patients of some cases, by the indices of the cases."""
        present, owner = np.unique(self.owner[chosen], return_inverse=True)
        return Patients(owner.astype(np.intp), len(present))

    @property
    def is_clustered(self) -> bool:
        """Whether some patient has several cases."""
        return self.count < len(self.owner)

    def samples(self, n_samples: int, random: np.random.Generator) -> Iterator[Floats]:
        """Weights of bootstrap samples, some at a time: as many patients, with replacement."""
        for size in self._parts(n_samples):
            drawn = random.integers(0, self.count, (size, self.count))
            counts = np.stack([np.bincount(row, minlength=self.count) for row in drawn], axis=1)
            yield counts.astype(np.float64)[self.owner]

    def left_out(self) -> Iterator[Floats]:
        """Weights without one patient, or group of patients, each, some at a time; none of one."""
        if self.count < 2:
            yield np.empty((len(self.owner), 0))
            return
        n_groups = min(self.count, MOST_LEFT_OUT)
        # Drawn, since neighbours in a table may be alike; the same for every call.
        order = np.random.default_rng(0).permutation(self.count)
        group = np.empty(self.count, dtype=np.intp)
        group[order] = np.arange(self.count) % n_groups
        of_case, start = group[self.owner], 0
        for size in self._parts(n_groups):
            chosen = np.arange(start, start + size)
            yield (of_case[:, None] != chosen).astype(np.float64)
            start += size

    def _parts(self, total: int) -> Iterator[int]:
        at_once = max(1, min(total, _NUMBERS_AT_ONCE // max(1, len(self.owner))))
        for start in range(0, total, at_once):
            yield min(at_once, total - start)


def replicated(metrics: Metrics, weights: Iterator[Floats]) -> Floats:
    """Metrics of every sample, the samples along the first axis.

    Parts are worked on in threads while the next one is drawn; their order is kept.
    """
    results, cores = [], min(n_cores(), _MOST_THREADS)
    waiting: deque[Future[Floats]] = deque()
    with ThreadPoolExecutor(cores) as pool:
        for part in weights:
            waiting.append(pool.submit(metrics, part))
            if len(waiting) > cores:
                results.append(waiting.popleft().result())
        results += [future.result() for future in waiting]
    return np.concatenate(results)
