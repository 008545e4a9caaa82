"""Metrics that follow from the order of scores: AUROC and average precision of many samples."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.confusion_matrix import ratio

_NUMBERS_AT_ONCE = 100_000  # that stay in the caches of a core


@dataclass(frozen=True)
class _Groups:
    """Groups of equal scores that hold cases of the class.

    Attributes:
        in_class: Indices of the cases of the class, in the order of the scores.
        first: Index in `in_class` of the first case of each group; None without equal scores.
        start: Index of the beginning of each group.
        end: Index of its end.
    """

    in_class: NDArray[np.intp]
    first: NDArray[np.intp] | None
    start: NDArray[np.intp]
    end: NDArray[np.intp]


@dataclass(frozen=True)
class Ranking:
    """Cases in the order of a score, sorted once for all samples.

    Attributes:
        order: Cases by ascending score.
        in_class: Whether each, in that order, is of the class.
        starts: Where each group of equal scores begins; None where no two are equal.
    """

    order: NDArray[np.intp]
    in_class: NDArray[np.bool_]
    starts: NDArray[np.intp] | None

    @classmethod
    def of(cls, scores: Floats, in_class: NDArray[np.bool_]) -> Ranking:
        """Build a ranking from scores and whether each case is of the class, shapes (cases,)."""
        order = np.argsort(scores, kind="stable")
        ordered = scores[order]
        starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        return cls(order, in_class[order], None if len(starts) == len(order) else starts)

    def metrics(self, weights: Floats) -> tuple[Floats, Floats]:
        """AUROC and average precision of each sample, shapes (samples,); NaN without both sides.

        AUROC is the probability that a case of the class scores above another, ties half (Mann and
        Whitney); average precision the mean of the precision over the cases of the class, without
        interpolation (as scikit-learn).

        Args:
            weights: Axes (cases, samples).
        """
        # Axes (samples, cases), since sums along the last axis are the fastest.
        turned = np.ascontiguousarray(weights.T)
        at_once = max(1, _NUMBERS_AT_ONCE // max(1, len(self.order)))
        parts = [
            self._metrics(turned[start : start + at_once])
            for start in range(0, max(1, len(turned)), at_once)
        ]
        aurocs, precisions = zip(*parts, strict=True)
        return np.concatenate(aurocs), np.concatenate(precisions)

    def _metrics(self, weights: Floats) -> tuple[Floats, Floats]:
        ordered = np.take(weights, self.order, axis=1)
        below = np.zeros((ordered.shape[0], ordered.shape[1] + 1))
        np.cumsum(ordered, axis=1, out=below[:, 1:])
        # What follows is needed only where cases of the class are.
        at = self._groups
        in_class = np.take(ordered, at.in_class, axis=1)
        if at.first is not None:
            in_class = np.add.reduceat(in_class, at.first, axis=1)
        before, in_class_below = np.take(below, at.start, axis=1), np.cumsum(in_class, axis=1)
        n_in_class, n_all = in_class.sum(axis=1), below[:, -1]
        # Others below the cases of the class, and half of those beside them.
        others = before - in_class_below + in_class
        if at.first is not None:
            others += 0.5 * (np.take(below, at.end, axis=1) - before - in_class)
        auroc = ratio((in_class * others).sum(axis=1), n_in_class * (n_all - n_in_class))
        # How many score as high as a group or higher.
        all_from = n_all[:, None] - before
        in_class_from = n_in_class[:, None] - in_class_below + in_class
        np.divide(in_class_from, all_from, out=in_class_from, where=all_from > 0)
        precision = ratio((in_class * in_class_from).sum(axis=1), n_in_class)
        return auroc, precision

    @cached_property
    def _groups(self) -> _Groups:
        in_class = np.flatnonzero(self.in_class)
        if self.starts is None:
            return _Groups(in_class, None, in_class, in_class + 1)
        group = np.searchsorted(self.starts, in_class, side="right") - 1
        first = np.flatnonzero(np.diff(group, prepend=-1))
        ends = np.append(self.starts[1:], len(self.order))
        return _Groups(in_class, first, self.starts[group[first]], ends[group[first]])
