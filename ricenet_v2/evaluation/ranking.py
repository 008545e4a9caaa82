"""Figures that follow from the order of scores: AUROC and average precision of many samples."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.evaluation.metrics import ratio

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Ranking:
    """Cases in the order of a score, sorted once for all samples.

    Attributes:
        order: Cases by ascending score.
        own: Whether each, in that order, is of the class.
        starts: Where each group of equal scores begins; None where no two are equal.
    """

    order: NDArray[np.intp]
    own: NDArray[np.bool_]
    starts: NDArray[np.intp] | None

    @classmethod
    def of(cls, scores: Floats, own: NDArray[np.bool_]) -> Ranking:
        """From the score of each case and whether it is of the class, shapes (cases,)."""
        order = np.argsort(scores, kind="stable")
        ordered = scores[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        return cls(order, own[order], None if len(starts) == len(order) else starts)

    def figures(self, weights: Floats) -> tuple[Floats, Floats]:
        """AUROC and average precision of each sample, shapes (samples,); NaN without both sides.

        AUROC is the probability that a case of the class scores above another, ties half (Mann and
        Whitney); average precision the mean of the precision over the cases of the class, without
        interpolation (as scikit-learn).

        Args:
            weights: Axes (cases, samples).
        """
        # Axes (samples, cases), since sums along the last axis are the fastest.
        ordered = np.take(np.ascontiguousarray(weights.T), self.order, axis=1)
        own = ordered * self.own
        if self.starts is not None:
            ordered = np.add.reduceat(ordered, self.starts, axis=1)
            own = np.add.reduceat(own, self.starts, axis=1)
        all_below, own_below = np.cumsum(ordered, axis=1), np.cumsum(own, axis=1)
        n_own, n_all = own_below[:, -1].copy(), all_below[:, -1].copy()
        # Cases of the class times others below them, half of those beside them.
        above = (own * (all_below - own_below - 0.5 * (ordered - own))).sum(axis=1)
        auroc = ratio(above, n_own * (n_all - n_own))
        # How many score as high as a group or higher.
        all_from = n_all[:, None] - all_below + ordered
        own_from = n_own[:, None] - own_below + own
        np.divide(own_from, all_from, out=own_from, where=all_from > 0)
        precision = ratio((own * own_from).sum(axis=1), n_own)
        return auroc, precision
