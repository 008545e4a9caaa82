"""Fewer windows: every second one along each axis first, then those where it matters.

Neighbouring windows overlap, and so what they take away is alike. Every second window along each
axis is one eighth of all. What the others would take away is interpolated between them; then
windows are looked at where most is taken away and where it changes most from place to place, and
the rest is interpolated again. Few windows rather than large ones: a network may say the same with
half of a lesion, so a small window says nothing of a large one, nor the other way about.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ricenet_v2.explanation.occlusion.batches import Numbers
from ricenet_v2.explanation.occlusion.windows import Values, Windows

SHARE = 0.18
_ROUNDS = 3
_NEIGHBOURS = 32


@dataclass(frozen=True)
class Sampled:
    """What all windows take away, from few that were looked at.

    Attributes:
        values: Of all windows, (windows, figures).
        n_seen: Windows that were looked at.
    """

    values: Values
    n_seen: int


def sample(windows: Windows, look: Callable[[Numbers], Values], share: float = SHARE) -> Sampled:
    """Look at some of the windows and interpolate the others.

    Args:
        windows: All.
        look: From numbers of windows to what these take away, (windows, figures); the first
            figure decides where it matters.
        share: Of the windows that are looked at, at most, where one eighth is not more.
    """
    places = lattice(windows)
    seen = np.flatnonzero((places % 2 == 0).all(axis=1))
    if not len(seen):
        seen = np.arange(len(windows))
    values = look(seen)
    most = int(share * len(windows))
    for left in range(_ROUNDS, 0, -1):
        n_more = (most - len(seen)) // left
        if n_more > 0:
            more = _interesting(places, seen, values, n_more)
            seen, values = np.concatenate([seen, more]), np.concatenate([values, look(more)])
    return Sampled(_everywhere(places, seen, values), len(seen))


def lattice(windows: Windows) -> Numbers:
    """Which window along each axis each one is, (windows, 3)."""
    columns = [np.unique(axis, return_inverse=True)[1] for axis in windows.starts.T]
    return np.stack(columns, axis=1)


def _interesting(places: Numbers, seen: Numbers, values: Values, n: int) -> Numbers:
    """Numbers of `n` windows that were not seen: where much is taken away, or much changes."""
    from scipy.spatial import cKDTree

    unseen = np.setdiff1d(np.arange(len(places)), seen)
    expected = _interpolated(places[seen], values[:, 0], places[unseen])
    near = cKDTree(places[seen]).query(places[unseen], k=min(8, len(seen)))[1]
    spread = values[:, 0][near.reshape(len(unseen), -1)].std(axis=1)
    middle = np.median(values[:, 0])
    return unseen[np.argsort(-(np.abs(expected - middle) / 2 + spread), kind="stable")[:n]]


def _everywhere(places: Numbers, seen: Numbers, values: Values) -> Values:
    made = np.empty((len(places), values.shape[1]))
    made[seen] = values
    unseen = np.setdiff1d(np.arange(len(places)), seen)
    if len(unseen):
        made[unseen] = _interpolated(places[seen], values, places[unseen])
    return made


def _interpolated(known: Numbers, values: Values, wanted: Numbers) -> Values:
    """Radial basis functions of the distance, from the nearest windows that were seen."""
    from scipy.interpolate import RBFInterpolator

    n = min(_NEIGHBOURS, len(known))
    found: Values = RBFInterpolator(known, values, neighbors=n, kernel="linear")(wanted)
    return found
