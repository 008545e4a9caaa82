"""Decision curves (Vickers and Elkin 2006)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.curves import Curve

_AT = np.arange(1, 100) / 100


def decision(scored: Scored, index: int) -> list[Curve]:
    """Net benefit of calling a class against the threshold probability.

    True positives less false positives, these weighed by the odds of the threshold, per case: by
    the model, by calling every case, and by calling none. A threshold is a probability that a
    person would act on, so probabilities must be right for the class shares of the cases; those of
    equally frequent classes call far too many where events are rare.
    """
    p, own = scored.probabilities[:, index], scored.truth == index
    odds = _AT / (1 - _AT)
    n = len(scored)
    true = n_from(p[own]) / n
    false = n_from(p[~own]) / n
    base = float(own.mean())
    lines = {
        "model": true - false * odds,
        "all called": base - (1 - base) * odds,
        "none called": np.zeros_like(_AT),
    }
    return [
        Curve(
            "decision",
            series,
            scored.classes[index],
            "threshold probability",
            "net benefit",
            tuple(_AT.tolist()),
            tuple(values.tolist()),
        )
        for series, values in lines.items()
    ]


def n_from(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """How many scores reach each threshold."""
    below = np.searchsorted(np.sort(scores), _AT, side="left")
    return (len(scores) - below).astype(np.float64)
