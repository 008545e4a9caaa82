"""Referral curves: performance where the least certain cases are referred to a clinician."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.confusion_matrix import confusion, macro_f1
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.proportions import proportion
from ricenet_v2.inference.prior import BALANCED, corrected
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.records.curves import Curve

_KEPT = np.arange(100, 9, -5) / 100
_FEWEST = 5


def doubts(labelled: LabelledPredictions) -> dict[str, Floats]:
    """Measures of doubt that cases can be ordered by, higher is more doubtful, shape (cases,).

    The entropy is that of the odds that predictions rest on. Where a class is predicted from its
    prior on, the prior is divided out first: of rare events a case at the prior is the most
    doubtful, not one at even probabilities, which is clearly predicted to be an event.
    """
    judged = labelled.probabilities
    if labelled.prior and labelled.decide == BALANCED:
        judged = corrected(
            judged, labelled.prior, np.full(len(labelled.prior), 1 / len(labelled.prior))
        )
    uncertainties = {"entropy": entropy(judged)}
    if len(labelled.members) > 1:
        uncertainties["disagreement"] = disagreement(np.stack(list(labelled.members.values())))
    return uncertainties


def referral(labelled: LabelledPredictions, level: float) -> list[Curve]:
    """Accuracy with its exact interval, and macro F1, of the share of cases that is kept.

    Several cases of a patient count as fewer in the interval. At least 5 cases are kept; equal
    doubts keep the order of the cases.
    """
    curves = []
    for name, doubt in doubts(labelled).items():
        order = np.argsort(doubt, kind="stable")
        sizes = sorted({round(part * len(labelled)) for part in _KEPT}, reverse=True)
        sizes = [size for size in sizes if size >= _FEWEST] or [len(labelled)]
        place = np.argsort(order)  # of each case, the surest first
        right = labelled.truth == labelled.predicted
        shares = [proportion("", labelled, right, place < size, level) for size in sizes]
        x = tuple(size / len(labelled) for size in sizes)
        curves.append(
            Curve(
                "referral",
                f"accuracy, kept by {name}",
                "",
                "share of cases kept",
                "accuracy",
                x,
                tuple(metric.value or 0.0 for metric in shares),
                tuple(metric.low or 0.0 for metric in shares),
                tuple(metric.high or 0.0 for metric in shares),
                tuple(sizes),
            )
        )
        f1s = [_macro_f1(labelled, order[:size]) for size in sizes]
        line = (f"macro F1, kept by {name}", "", "share of cases kept", "macro F1")
        curves.append(Curve("referral", *line, x, tuple(f1s), n=tuple(sizes)))
    return curves


def _macro_f1(labelled: LabelledPredictions, chosen: NDArray[np.intp]) -> float:
    counts = confusion(labelled.truth[chosen], labelled.predicted[chosen], len(labelled.classes))
    return float(macro_f1(counts))
