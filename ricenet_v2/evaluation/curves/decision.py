"""Decision curves (Vickers and Elkin 2006)."""

from __future__ import annotations

import numpy as np

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.net_benefit import over_all, over_none
from ricenet_v2.evaluation.two_proportions import Proportion
from ricenet_v2.records.curves import (
    MINUS_TREAT_ALL,
    MINUS_TREAT_NONE,
    TREAT_ALL,
    TREAT_NONE,
    Curve,
    CurveName,
)

_AT = np.arange(1, 100) / 100
"""Thresholds; at 0 all are treated, and at 1 a false positive outweighs everything."""


def decision(labelled: LabelledPredictions, index: int, level: float) -> list[Curve]:
    """Net benefit of treating cases as a class against the threshold probability.

    True positives less false positives, these weighed by the odds of the threshold, per case: by
    the model, by treating all cases, and none; and how much the model gains over the
    last two. A case is positive from the threshold on. Intervals are of each threshold by itself.

    A threshold is a probability that a person would act on, so probabilities must be right for the
    class shares of the cases; those of equally frequent classes treat far too many where events are
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
    model = [over_none(p >= at, in_class, weight, patients, level) for at, weight in pairs]
    gained = [over_all(p >= at, in_class, weight, patients, level) for at, weight in pairs]
    base = float(in_class.mean())
    name = labelled.classes[index]
    return [
        _curve("decision", "model", name, model),
        _line(TREAT_ALL, name, (base - (1 - base) * odds).tolist()),
        _line(TREAT_NONE, name, [0.0] * len(_AT)),
        _curve("decision difference", MINUS_TREAT_ALL, name, gained),
        _curve("decision difference", MINUS_TREAT_NONE, name, model),
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
