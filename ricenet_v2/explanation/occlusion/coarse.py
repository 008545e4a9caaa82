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
from ricenet_v2.explanation.occlusion.slopes import Slopes, lattice
from ricenet_v2.explanation.occlusion.windows import Values, Windows

SHARE = 0.19
"""Of the work of all windows, gradients and windows together."""
MOST_SLOPES = 0.4
"""Of that work, what gradients may take."""
_PEAK = 0.15
_NEIGHBOURS, _SMOOTHING = 32, 1.0
_RIDGE = 1e-6


@dataclass(frozen=True)
class Sampled:
    """What all windows take away, from few that were looked at.

    Attributes:
        values: Of all windows, (windows,).
        n_seen: Windows that were looked at.
    """

    values: Values
    n_seen: int


def sample(windows: Windows, slopes: Slopes, look: Callable[[Numbers], Values]) -> Sampled:
    """Look at some of the windows and estimate the others.

    Args:
        windows: All.
        slopes: Estimates of them.
        look: From numbers of windows to what these take away, (windows,).

    Returns:
        All windows looked at where there are so few that nothing is saved.
    """
    n = int(SHARE * len(windows)) - slopes.forward_passes
    n_peak = int(_PEAK * n)
    if n - n_peak < 2 * slopes.values.shape[1]:
        return Sampled(look(np.arange(len(windows))), len(windows))
    scattered = np.random.default_rng(0).permutation(len(windows))[: n - n_peak]
    seen = look(scattered)
    estimate = _line(slopes.values, scattered, seen)
    values = estimate + _interpolated(lattice(windows), scattered, seen - estimate[scattered])
    values[scattered] = seen
    by_size = np.argsort(-np.abs(values), kind="stable")
    peak = by_size[~np.isin(by_size, scattered)][:n_peak]
    values[peak] = look(peak)
    return Sampled(values, n)


def _line(slopes: Values, seen: Numbers, values: Values) -> Values:
    """Least squares from the slopes of the seen windows to their values; for all windows."""
    columns = np.column_stack([slopes, np.ones(len(slopes))])
    columns /= np.maximum(np.abs(columns).max(axis=0), np.finfo(float).tiny)
    known = columns[seen]
    square = known.T @ known
    square += _RIDGE * np.trace(square) / len(square) * np.eye(len(square))
    found: Values = columns @ np.linalg.solve(square, known.T @ values)
    return found


def _interpolated(places: Numbers, seen: Numbers, values: Values) -> Values:
    """Radial basis functions of the distance, from the nearest windows that were seen."""
    from scipy.interpolate import RBFInterpolator

    n = min(_NEIGHBOURS, len(seen))
    smooth = RBFInterpolator(
        places[seen], values, neighbors=n, kernel="linear", smoothing=_SMOOTHING
    )
    found: Values = smooth(places)
    return found
