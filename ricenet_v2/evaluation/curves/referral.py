"""Referral curves: how right the calls are when the least certain cases are given to a person."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.evaluation.intervals import proportion
from ricenet_v2.evaluation.metrics import confusion, macro_f1
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.records.curves import Curve

_KEPT = np.arange(100, 9, -5) / 100
_FEWEST = 5

Floats = NDArray[np.float64]


def doubts(scored: Scored) -> dict[str, Floats]:
    """What cases can be ordered by, the more doubtful the higher, each of shape (cases,)."""
    found = {"entropy": entropy(scored.probabilities)}
    if len(scored.members) > 1:
        found["disagreement"] = disagreement(np.stack(list(scored.members.values())))
    return found


def referral(scored: Scored, level: float) -> list[Curve]:
    """Accuracy with Wilson's interval, and macro F1, of the share of cases that is kept.

    At least 5 cases are kept; equal doubts keep the order of the cases.
    """
    made = []
    for name, doubt in doubts(scored).items():
        order = np.argsort(doubt, kind="stable")
        sizes = sorted({round(share * len(scored)) for share in _KEPT}, reverse=True)
        sizes = [size for size in sizes if size >= _FEWEST] or [len(scored)]
        right = np.cumsum((scored.truth == scored.predicted)[order])
        hits = [int(right[size - 1]) for size in sizes]
        ends = [proportion(hit, size, level) for hit, size in zip(hits, sizes, strict=True)]
        x = tuple(size / len(scored) for size in sizes)
        made.append(
            Curve(
                "referral",
                f"accuracy, kept by {name}",
                "",
                "share of cases kept",
                "accuracy",
                x,
                tuple(hit / size for hit, size in zip(hits, sizes, strict=True)),
                tuple(low for low, _ in ends),
                tuple(high for _, high in ends),
                tuple(sizes),
            )
        )
        f1s = [_macro_f1(scored, order[:size]) for size in sizes]
        line = (f"macro F1, kept by {name}", "", "share of cases kept", "macro F1")
        made.append(Curve("referral", *line, x, tuple(f1s), n=tuple(sizes)))
    return made


def _macro_f1(scored: Scored, chosen: NDArray[np.intp]) -> float:
    counts = confusion(scored.truth[chosen], scored.predicted[chosen], len(scored.classes))
    return float(macro_f1(counts))
