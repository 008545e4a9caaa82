"""The AUROC within the folds beside the pooled one, which also ranks cases across networks.

Two cases of different folds are scored by different networks. Where those are offset against each
other, the pooled AUROC falls below that of the pairs of one fold, even below chance (Parker et al.
2007, doi:10.1186/1471-2105-8-326; Forman and Scholz 2010, doi:10.1145/1882471.1882479).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.metrics import ratio
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.figures import Figure

WITHIN, LESS = "AUROC within folds", "AUROC pooled less within folds"

Floats = NDArray[np.float64]
Interval = tuple[float, float] | None


@dataclass(frozen=True)
class WithinFolds:
    """What is sorted once for all samples: for each class that is told, a ranking of each fold.

    Attributes:
        parts: Index of the cases of a fold, whether each is of the class, their ranking.
    """

    parts: tuple[tuple[tuple[NDArray[np.intp], NDArray[np.bool_], Ranking], ...], ...]

    @classmethod
    def of(cls, scored: Scored, positive: int) -> WithinFolds:
        """Prepare; cases without folds count as one fold."""
        folds = np.array(scored.folds or (0,) * len(scored))
        cases = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
        told = (positive,) if len(scored.classes) == 2 else range(len(scored.classes))
        parts = []
        for index in told:
            own, scores = scored.truth == index, scored.probabilities[:, index]
            parts.append(tuple((at, own[at], Ranking.of(scores[at], own[at])) for at in cases))
        return cls(tuple(parts))

    def __call__(self, weights: Floats) -> Floats:
        """Share of the pairs within a fold that are ranked right, shape (samples,).

        The mean of the folds' AUROCs, each by its number of pairs of a case of the class and
        another one; of several classes the mean over them.

        Args:
            weights: Axes (cases, samples).
        """
        found = np.stack([self._of_class(part, weights) for part in self.parts])
        mean: Floats = found.mean(axis=0)
        return mean

    @staticmethod
    def _of_class(
        part: tuple[tuple[NDArray[np.intp], NDArray[np.bool_], Ranking], ...], weights: Floats
    ) -> Floats:
        right, total = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
        for at, own, ranking in part:
            chosen = weights[at]
            pairs = chosen[own].sum(axis=0) * chosen[~own].sum(axis=0)
            right += np.where(pairs > 0, ranking.figures(chosen)[0], 0.0) * pairs
            total += pairs
        return ratio(right, total)


@dataclass(frozen=True)
class Offset:
    """The pooled AUROC and that within folds, with the interval of their difference.

    Attributes:
        pooled: Of all pairs of cases.
        within: Of the pairs of one fold.
        of_within: Its interval.
        of_difference: That of `pooled - within`; None where it is not defined.
        n: Cases.
        method: Of the intervals.
    """

    pooled: float
    within: float
    of_within: Interval
    of_difference: Interval
    n: int
    method: str

    @property
    def warning(self) -> str:
        """In words, where the two differ beyond chance, or only the pooled one is below 0.5."""
        low, high = self.of_difference or (-np.inf, np.inf)
        told = f"{self.within:.3f} within folds, {self.pooled:.3f} pooled: "
        if low > 0 or high < 0:
            why = "the scores of the folds are offset against each other"
            return f"{told}{why} (difference {low:.3f} to {high:.3f})"
        if self.pooled < 0.5 <= self.within:
            return f"{told}below chance maybe only since the scores of the folds are offset"
        return ""

    def figures(self) -> list[Figure]:
        """Both as figures."""
        less = self.pooled - self.within
        return [
            self._figure(WITHIN, self.within, self.of_within),
            self._figure(LESS, less, self.of_difference),
        ]

    def _figure(self, name: str, value: float, ends: Interval) -> Figure:
        low, high = ends or (None, None)
        why = "" if ends else "no interval: the samples are all alike or mostly degenerate"
        return Figure(name, value, low, high, self.n, self.method, why)


def offset(
    scored: Scored, positive: int, n_bootstrap: int, seed: int, level: float = 0.95
) -> Offset | None:
    """Compare the pooled AUROC with that within folds, on the same bootstrap samples of patients.

    Args:
        scored: Predictions.
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Resamples.
        seed: Of the resampling.
        level: Of the intervals.

    Returns:
        None with fewer than two folds, or where an AUROC is not defined.
    """
    if len(set(scored.folds)) < 2:
        return None
    pooled = WithinFolds.of(replace(scored, folds=()), positive)
    within = WithinFolds.of(scored, positive)

    def both(weights: Floats) -> Floats:
        inside = within(weights)
        return np.column_stack([inside, pooled(weights) - inside])

    value, less = both(np.ones((len(scored), 1)))[0]
    if not np.isfinite(value + less):
        return None
    patients = scored.grouping
    samples = replicated(both, patients.samples(n_bootstrap, generator(seed, "bootstrap")))
    left_out = replicated(both, patients.left_out())
    ends = [
        intervals.bca(float(one), samples[:, k], left_out[:, k], level)
        for k, one in enumerate((value, less))
    ]
    method = f"BCa bootstrap by patient, {n_bootstrap} samples, seed {seed}"
    return Offset(float(value + less), float(value), ends[0], ends[1], len(scored), method)
