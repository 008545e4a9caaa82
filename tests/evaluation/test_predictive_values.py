"""Predictive values at another prevalence."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit
from scipy.stats.contingency import relative_risk

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.predictive_values import (
    Prevalence,
    at_prevalence,
    prevalences,
    with_prevalences,
)
from ricenet_v2.evaluation.thresholds import applied, chosen_thresholds


def of_table(true, missed, false, right, repeats=1):
    truth = np.repeat([1, 1, 0, 0], [true, missed, false, right])
    called = np.repeat([1, 0, 1, 0], [true, missed, false, right])
    names = tuple(f"p{i:04d}" for i in range(len(truth)))
    return LabelledPredictions(
        tuple(f"{name}{k}" for k in range(repeats) for name in names),
        names * repeats,
        np.tile(truth, repeats),
        np.tile(called, repeats),
        np.tile(np.column_stack([1 - called, called]).astype(float), (repeats, 1)),
        ("a", "b"),
    )


def values(labelled, prevalence):
    return at_prevalence(labelled, labelled.predicted == 1, Prevalence(1, prevalence), 0.95)


@pytest.mark.parametrize("prevalence", [0.03, 0.5])
def test_apoe4_and_alzheimers_disease(prevalence):
    """The table of Mercaldo et al. 2007: 240 of 418 cases and 87 of 375 controls are positive.

    Their interval is that of the likelihood ratio on the log scale, which is Katz's of a relative
    risk; of so many cases the one here is the same to half a percent point.
    """
    positive, negative = values(of_table(240, 178, 87, 288), prevalence)
    for found, table, odds in (
        (positive, (240, 418, 87, 375), logit(prevalence)),
        (negative, (288, 375, 178, 418), -logit(prevalence)),
    ):
        risk = relative_risk(*table)
        ends = risk.confidence_interval(0.95)
        assert found.value == pytest.approx(expit(odds + np.log(risk.relative_risk)))
        assert found.low == pytest.approx(expit(odds + np.log(ends.low)), abs=1e-3)
        assert found.high == pytest.approx(expit(odds + np.log(ends.high)), abs=1e-3)


def test_at_the_prevalence_of_the_cases_it_is_the_share():
    positive, negative = values(of_table(30, 10, 15, 45), 0.4)
    assert positive.value == pytest.approx(30 / 45)
    assert negative.value == pytest.approx(45 / 55)


@pytest.mark.parametrize(
    ("table", "positive", "negative"),
    [
        ((14, 0, 0, 78), 1.0, 1.0),
        ((0, 14, 1, 77), 0.0, 0.7 * 77 / 78 / (0.7 * 77 / 78 + 0.3)),
        ((0, 14, 0, 78), None, 0.7),
        ((14, 0, 78, 0), 0.3, None),
    ],
)
def test_empty_cells(table, positive, negative):
    for found, expected in zip(values(of_table(*table), 0.3), (positive, negative), strict=True):
        if expected is None:
            assert (found.value, found.low, found.high) == (None, None, None)
            assert found.warning
            continue
        assert found.value == pytest.approx(expected)
        assert 0 <= found.low <= found.value <= found.high <= 1
        assert found.high - found.low > 0.03


def test_few_cases_hold_their_truth():
    """6 and 34 patients, sensitivity 0.9, specificity 0.97, where the logit interval holds 0.82."""
    random, held, n = np.random.default_rng(0), 0, 500
    truth = 0.3 * 0.9 / (0.3 * 0.9 + 0.7 * 0.03)
    for true, false in zip(random.binomial(6, 0.9, n), random.binomial(34, 0.03, n), strict=True):
        found = values(of_table(true, 6 - true, false, 34 - false), 0.3)[0]
        held += found.low <= truth <= found.high
    assert 0.92 <= held / n <= 0.99


def test_cases_of_one_side_only():
    assert {one.warning for one in values(of_table(3, 4, 0, 0), 0.3)} == {"cases of one side only"}


@pytest.mark.parametrize(
    ("true", "missed", "warned"), [(8, 1, True), (9, 1, False), (90, 30, False)]
)
def test_fewer_than_ten_cases_of_a_side_are_warned_of(true, missed, warned):
    warnings = [metric.warning for metric in values(of_table(true, missed, 8, 40), 0.3)]
    assert [warning.startswith("only 9 ") for warning in warnings] == [warned, warned]
    assert warned or warnings == ["", ""]


def test_repeated_cases_of_a_patient_add_nothing():
    """But for the t quantile that intervals of patients with several cases have."""
    once, thrice = (values(of_table(9, 5, 8, 40, repeats), 0.3) for repeats in (1, 3))
    alone = of_table(9, 5, 8, 40, 3)
    alone = values(dataclasses.replace(alone, patients=alone.case_ids), 0.3)
    for a, b, c in zip(once, thrice, alone, strict=True):
        assert (a.value, a.low, a.high) == pytest.approx((b.value, b.low, b.high), abs=0.02)
        assert c.high - c.low < 0.7 * (b.high - b.low)


def test_an_evaluation_gets_them_for_calls_and_thresholds(draw):
    labelled = draw(3, n=60)
    picked = applied(chosen_thresholds(labelled, 0), labelled, 0.95)
    made = evaluate(labelled, EvaluationOptions(0, 20), thresholds=picked)
    requested = prevalences([("y", 0.2)], labelled, 0)
    after = with_prevalences(made, labelled, requested)
    new = [one for one in after.metrics if one not in made.metrics]
    assert [one.name for one in new] == [
        f"{sign} predictive value at prevalence 0.2 of y" for sign in ("positive", "negative")
    ]
    for old, each in zip(made.thresholds, after.thresholds, strict=True):
        further = len(each.metrics) - len(old.metrics)
        assert further == (2 if each.class_name == "y" and each.value is not None else 0)


def test_which_class_is_meant(draw):
    two, three = draw(2), draw(3)
    assert prevalences([(None, 0.3), ("x", 0.2)], two, 1) == [
        Prevalence(1, 0.3),
        Prevalence(0, 0.2),
    ]
    with pytest.raises(DatasetError, match="Specify the class"):
        prevalences([(None, 0.3)], three, 1)
    with pytest.raises(DatasetError, match="no such class"):
        prevalences([("w", 0.3)], three, 1)
