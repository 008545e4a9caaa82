"""Decision curves (Vickers and Elkin 2006)."""

from __future__ import annotations

import numpy as np

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.net_benefit import of_calls, over_all
from ricenet_v2.evaluation.two_shares import Proportion
from ricenet_v2.records.curves import Curve, CurveName

_AT = np.arange(1, 100) / 100
"""At 0 every case is called, and at 1 a false call outweighs everything: nothing to be decided."""


def decision(labelled: LabelledPredictions, index: int, level: float) -> list[Curve]:
    """Net benefit of calling a class against the threshold probability.

    True positives less false positives, these weighed by the odds of the threshold, per case: by
    the model, by calling every case, and by calling none; and how much the model gains over the
    last two. A case is called from the threshold on. Intervals are of each threshold by itself.

    A threshold is a probability that a person would act on, so probabilities must be right for the
    class shares of the cases; those of equally frequent classes call far too many where events are
    rare.

    Args:
        labelled: Predictions with truths.
        index: Index of the class.
        level: Coverage of the intervals.
    """
    p, in_class, patients = (
        labelled.probabilities[:, index],
        labelled.truth == index,
        labelled.grouping,
    )
    odds = _AT / (1 - _AT)
    pairs = list(zip(_AT.tolist(), odds.tolist(), strict=True))
    model = [of_calls(p >= at, in_class, weight, patients, level) for at, weight in pairs]
    gained = [over_all(p >= at, in_class, weight, patients, level) for at, weight in pairs]
    base = float(in_class.mean())
    name = labelled.classes[index]
    return [
        _curve("decision", "model", name, model),
        _line("all called", name, (base - (1 - base) * odds).tolist()),
        _line("none called", name, [0.0] * len(_AT)),
        _curve("decision difference", "model less all called", name, gained),
        _curve("decision difference", "model less none called", name, model),
    ]


def _line(series: str, class_name: str, values: list[float]) -> Curve:
    axes = ("threshold probability", "net benefit")
    return Curve("decision", series, class_name, *axes, tuple(_AT.tolist()), tuple(values))


def _curve(name: CurveName, series: str, class_name: str, proportions: list[Proportion]) -> Curve:
    return Curve(
        name,
        series,
        class_name,
        "threshold probability",
        "net benefit" if name == "decision" else "net benefit gained",
        tuple(_AT.tolist()),
        tuple(proportion.value for proportion in proportions),
        tuple(proportion.low for proportion in proportions),
        tuple(proportion.high for proportion in proportions),
    )
