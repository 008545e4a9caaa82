"""Predictive values at another prevalence than that of the cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Flags
from ricenet_v2.evaluation.class_counts import of_rarer_side, rarer
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.two_proportions import Proportion, ratio, together
from ricenet_v2.records.metrics import Evaluation, Metric

FEW = 10
METHOD = "MOVER of Wilson limits, of a known prevalence"


@dataclass(frozen=True)
class Prevalence:
    """Share of a class somewhere else.

    Attributes:
        index: Index of the class.
        value: Value between 0 and 1.
    """

    index: int
    value: float


def prevalences(
    requested: Sequence[tuple[str | None, float]], labelled: LabelledPredictions, positive: int
) -> list[Prevalence]:
    """Requested prevalences, by class; one without a name is that of the positive of two classes.

    Raises:
        DatasetError: There is no such class, or of several none is named.
    """
    resolved = []
    for name, value in requested:
        if name is None and len(labelled.classes) > 2:
            raise DatasetError(
                "Specify the class to which this prevalence applies.",
                expected="e.g. " + " ".join(f"{label}={value:g}" for label in labelled.classes[:1]),
                got=f"{value:g}",
                remedy=f"Specify one of {', '.join(labelled.classes)} before the number.",
            )
        if name is not None and name not in labelled.classes:
            raise DatasetError("There is no such class.", expected=labelled.classes, got=name)
        index = positive if name is None else labelled.classes.index(name)
        resolved.append(Prevalence(index, value))
    return resolved


def with_prevalences(
    evaluation: Evaluation, labelled: LabelledPredictions, requested: Sequence[Prevalence]
) -> Evaluation:
    """An evaluation with predictive values at other prevalences, also at each threshold.

    Args:
        evaluation: The evaluation.
        labelled: Predictions that were evaluated.
        requested: Prevalences.
    """
    metrics, thresholds = list(evaluation.metrics), list(evaluation.thresholds)
    for prevalence in requested:
        name = labelled.classes[prevalence.index]
        metrics += at_prevalence(
            labelled, labelled.predicted == prevalence.index, prevalence, evaluation.level
        )
        for place, each in enumerate(thresholds):
            if each.value is None or each.class_name != name:
                continue
            predicted = labelled.probabilities[:, prevalence.index] >= each.value
            further = at_prevalence(labelled, predicted, prevalence, evaluation.level)
            thresholds[place] = dataclasses.replace(each, metrics=(*each.metrics, *further))
    return dataclasses.replace(evaluation, metrics=tuple(metrics), thresholds=tuple(thresholds))


def at_prevalence(
    labelled: LabelledPredictions, predicted: Flags, requested: Prevalence, level: float
) -> list[Metric]:
    """Positive and negative predictive value by Bayes' rule from sensitivity and specificity.

    These are taken as they are among the cases: it is assumed that only the shares of the classes
    differ elsewhere, not what cases of a class look like.

    Args:
        labelled: Predictions with truths.
        predicted: Whether the class is predicted for each case.
        requested: The prevalence and its class.
        level: Coverage of the intervals.
    """
    of = f"at prevalence {requested.value:g} of {labelled.classes[requested.index]}"
    odds, in_class = requested.value / (1 - requested.value), labelled.truth == requested.index
    return [
        _metric(f"positive predictive value {of}", labelled, predicted, in_class, odds, level),
        _metric(
            f"negative predictive value {of}", labelled, ~predicted, ~in_class, 1 / odds, level
        ),
    ]


def _metric(
    name: str, labelled: LabelledPredictions, hit: Flags, in_class: Flags, odds: float, level: float
) -> Metric:
    """One predictive value; for the negative one all sides are exchanged.

    Its odds are those of the prevalence divided by the ratio of false to true positives, whose
    interval is put together from Wilson's limits of both (Donner and Zou 2012). That of Mercaldo,
    Lau and Zhou (2007) on the log odds is the same for many cases, and much too narrow for few.
    """
    n = len(labelled)
    if not in_class.any() or in_class.all():
        return Metric(name, None, None, None, n, METHOD, "cases of one side only")
    true, false = (_share(labelled, hit, side, level) for side in (in_class, ~in_class))
    if true.value == 0 and false.value == 0:
        return Metric(name, None, None, None, n, METHOD, "no case is predicted to be of it")
    correlation = together(
        np.where(in_class, hit - true.value, 0.0),
        np.where(in_class, 0.0, hit - false.value),
        labelled.grouping,
    )
    low, high = ratio(false, true, correlation)
    middle = false.value / true.value if true.value > 0 else np.inf
    value, low, high = (_value(odds, quotient) for quotient in (middle, high, low))
    few = rarer(labelled, in_class)
    warning = f"only {of_rarer_side(few)}" if few < FEW else ""
    return Metric(name, value, low, high, n, METHOD, warning)


def _share(labelled: LabelledPredictions, hit: Flags, side: Flags, level: float) -> Proportion:
    chosen = np.flatnonzero(side)
    patients = Patients.of([labelled.patients[index] for index in chosen])
    return Proportion.wilson(hit[chosen], patients, level)


def _value(odds: float, false_by_true: float) -> float:
    """Predictive value by Bayes' rule, from the odds of the prevalence."""
    return odds / (odds + false_by_true)
