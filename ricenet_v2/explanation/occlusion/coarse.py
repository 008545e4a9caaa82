"""Fewer windows: gradients say about what each takes away, and those that are looked at correct it.

A line from the gradients to what was seen at scattered windows is fitted; what it misses there is
interpolated between them. Last, the windows that seem to take the most away are looked at
themselves, so that the peak of the map is no estimate. Few windows rather than large ones: a
network may say the same with half of a lesion, so a small window says nothing of a large one.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ricenet_v2.explanation.occlusion.batches import Numbers
from ricenet_v2.explanation.occlusion.gradient_estimates import GradientEstimates, lattice
from ricenet_v2.explanation.occlusion.windows import Values, Windows

SHARE = 0.19
"""Share of the work of whole passes for all windows, gradients and windows together. Where the pass
at hand takes no more than that for all windows, they are all computed."""
MOST_GRADIENTS = 0.4
"""Share of that work that gradients may take."""
_PILOT = 16
"""Windows from which the time of a window is estimated."""
_PEAK = 0.15
_NEIGHBOURS, _SMOOTHING = 32, 1.0
_RIDGE = 1e-6


@dataclass(frozen=True)
class Sampled:
    """Effects of all windows, estimated from few that were computed.

    Attributes:
        values: Values of all windows, (windows,).
        n_seen: Windows that were looked at.
        forward_passes: Forward passes that the gradients took.
    """

    values: Values
    n_seen: int
    forward_passes: int = 0


def sample(
    windows: Windows,
    look: Callable[[Numbers], Values],
    spent: Callable[[], float],
    gradients: Callable[[int], GradientEstimates],
) -> Sampled:
    """Look at some of the windows and estimate the others.

    Args:
        windows: All.
        look: Function from numbers of windows to what these remove, (windows,).
        spent: Work of `look` so far, in forward passes.
        gradients: Function from the forward passes that they may take to estimates of all windows.

    Returns:
        All windows looked at where there are so few, or these take so little, that nothing is
        saved.
    """
    order, seen = (
        np.random.default_rng(0).permutation(len(windows)),
        _CoarseOutputs(len(windows), look),
    )
    seen.add(order[:_PILOT])
    cost_per_window = spent() / seen.number
    if cost_per_window <= SHARE:
        seen.add(order)
        return Sampled(seen.values, seen.number)
    work = len(windows) * SHARE
    estimates = gradients(int(MOST_GRADIENTS * work))
    n = max(0, int((work - estimates.forward_passes) / cost_per_window))
    scattered = order[: n - int(_PEAK * n)]
    if len(scattered) < max(_PILOT, 2 * estimates.values.shape[1]):
        seen.add(order)
        return Sampled(seen.values, seen.number, estimates.forward_passes)
    seen.add(scattered)
    values = _line(estimates.values, scattered, seen.values[scattered])
    missed = seen.values[scattered] - values[scattered]
    values += _interpolated(lattice(windows), scattered, missed)
    unseen = np.flatnonzero(~seen.is_seen)
    seen.add(unseen[np.argsort(-np.abs(values[unseen]), kind="stable")][: n - len(scattered)])
    estimated = np.where(seen.is_seen, seen.values, values)
    return Sampled(estimated, seen.number, estimates.forward_passes)


class _CoarseOutputs:
    """Windows that were looked at; none is looked at twice."""

    def __init__(self, n: int, look: Callable[[Numbers], Values]) -> None:
        self.values, self.is_seen = np.zeros(n), np.zeros(n, dtype=bool)
        self._look = look

    @property
    def number(self) -> int:
        return int(self.is_seen.sum())

    def add(self, numbers: Numbers) -> None:
        new = numbers[~self.is_seen[numbers]]
        if len(new):
            self.values[new], self.is_seen[new] = self._look(new), True


def _line(gradients: Values, seen: Numbers, values: Values) -> Values:
    """Least squares from the slopes of the seen windows to their values; for all windows."""
    columns = np.column_stack([gradients, np.ones(len(gradients))])
    columns /= np.maximum(np.abs(columns).max(axis=0), np.finfo(float).tiny)
    known = columns[seen]
    square = known.T @ known
    square += _RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    fitted: Values = columns @ np.linalg.solve(square, known.T @ values)
    return fitted


def _interpolated(places: Numbers, seen: Numbers, values: Values) -> Values:
    """Radial basis functions of the distance, from the nearest windows that were seen."""
    from scipy.interpolate import RBFInterpolator

    n = min(_NEIGHBOURS, len(seen))
    smooth = RBFInterpolator(
        places[seen], values, neighbors=n, kernel="linear", smoothing=_SMOOTHING
    )
    interpolated: Values = smooth(places)
    return interpolated
