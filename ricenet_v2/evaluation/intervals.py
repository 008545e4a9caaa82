"""Intervals: by resampling patients, and exact or score intervals of proportions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Indices = NDArray[np.intp]
_CHUNK = 500
_LEFT_OUT_AT_ONCE = 100


def proportion(
    hits: int, n: int, level: float = 0.95, method: Literal["wilson", "exact"] = "wilson"
) -> tuple[float, float]:
    """Interval of a proportion: Wilson's score interval, or Clopper and Pearson's exact one."""
    found = stats.binomtest(hits, n).proportion_ci(confidence_level=level, method=method)
    return float(found.low), float(found.high)


def resamples(
    patients: Sequence[str], n_samples: int, random: np.random.Generator
) -> list[Indices]:
    """Case indices of bootstrap samples that draw whole patients with replacement."""
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    members = [np.flatnonzero(owner == index) for index in range(len(names))]
    draws = random.integers(0, len(names), (n_samples, len(names)))
    if all(len(member) == 1 for member in members):
        single = np.concatenate(members)
        return list(single[draws])
    return [np.concatenate([members[index] for index in draw]) for draw in draws]


def bootstrap(figures: Callable[[Indices], Floats], samples: Sequence[Indices]) -> Floats:
    """Figures of every sample, shape (samples, figures).

    Args:
        figures: From case indices (m, n) to values (m, figures).
        samples: Case indices of each sample; those of equal length are computed together.
    """
    lengths = np.array([len(sample) for sample in samples])
    parts, order = [], []
    for length in np.unique(lengths):
        where = np.flatnonzero(lengths == length)
        for start in range(0, len(where), _CHUNK):
            chosen = where[start : start + _CHUNK]
            parts.append(figures(np.stack([samples[index] for index in chosen])))
            order.append(chosen)
    values = np.concatenate(parts)
    made = np.empty_like(values)
    made[np.concatenate(order)] = values
    return made


def leave_one_out(figures: Callable[[Indices], Floats], patients: Sequence[str]) -> Floats:
    """Figures without one patient each, shape (patients, figures); empty for a single patient.

    Args:
        figures: From case indices (m, n) to values (m, figures).
        patients: Patient of each case.
    """
    names, owner = np.unique(np.asarray(patients), return_inverse=True)
    if len(names) < 2:
        return np.empty((0, figures(np.arange(len(owner))[None]).shape[1]))
    parts = []
    # A part at a time: all index arrays at once would grow with the square of the patients.
    for start in range(0, len(names), _LEFT_OUT_AT_ONCE):
        chosen = range(start, min(start + _LEFT_OUT_AT_ONCE, len(names)))
        parts.append(bootstrap(figures, [np.flatnonzero(owner != k) for k in chosen]))
    return np.concatenate(parts)


def bca(
    value: float, replicates: Floats, left_out: Floats, level: float = 0.95
) -> tuple[float, float] | None:
    """Bias-corrected and accelerated interval (Efron 1987); None where it is not defined.

    Args:
        value: Of the whole sample.
        replicates: Of the bootstrap samples; NaN where degenerate.
        left_out: Of the samples without one patient each.
        level: Coverage.
    """
    found = replicates[np.isfinite(replicates)]
    if not np.isfinite(value) or len(found) < 0.5 * len(replicates) or len(found) == 0:
        return None
    below = (np.sum(found < value) + 0.5 * np.sum(found == value)) / len(found)
    if not 0 < below < 1:
        return float(found.min()), float(found.max())
    bias = stats.norm.ppf(below)
    jack = left_out[np.isfinite(left_out)]
    spread = jack.mean() - jack if len(jack) else np.zeros(1)
    scale = (spread**2).sum() ** 1.5
    acceleration = (spread**3).sum() / (6 * scale) if scale > 0 else 0.0
    ends = stats.norm.ppf([(1 - level) / 2, (1 + level) / 2])
    shifted = bias + (bias + ends) / (1 - acceleration * (bias + ends))
    low, high = np.quantile(found, stats.norm.cdf(shifted))
    return float(low), float(high)
