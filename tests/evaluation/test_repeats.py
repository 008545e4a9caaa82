"""Means over repeats, against numpy and a bootstrap of patients."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.repeats import over_repeats
from ricenet_v2.records.metrics import Metric

N_REPEATS = 4


@pytest.fixture(scope="module")
def repeats(draw):
    """The same cases, two of a patient, as networks of four divisions see them."""
    first = draw(n=40, seed=1, per_patient=2)
    random, labelled = np.random.default_rng(0), []
    for repeat in range(N_REPEATS):
        logits = np.log(first.probabilities) + random.normal(scale=0.8, size=(40, 2))
        values = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
        labelled.append(
            replace(
                first,
                probabilities=values,
                predicted=values.argmax(axis=1),
                folds=tuple(2 * repeat + i // 20 for i in range(40)),
            )
        )
    return labelled


@pytest.fixture(scope="module")
def mean(repeats):
    options = EvaluationOptions(1, n_bootstrap=50)
    return over_repeats([evaluate(each, options) for each in repeats])


def metric(evaluation, name) -> Metric:
    return next(each for each in evaluation.metrics if each.name == name)


def test_values_are_means_and_each_repeat_stands_beside_them(repeats, mean):
    accuracies = [np.mean(each.predicted == each.truth) for each in repeats]
    assert metric(mean, "accuracy").value == pytest.approx(np.mean(accuracies))
    single = {group.name: group for group in mean.groups if group.kind == "repeat"}
    assert [metric(group, "accuracy").value for group in single.values()] == accuracies
    assert list(single) == [f"repeat {n}" for n in range(N_REPEATS)]
    assert [g.name for g in mean.groups if g.kind == "fold"] == [f"fold {n}" for n in range(8)]
    assert (mean.n_cases, mean.n_patients, mean.repeats) == (40, 20, N_REPEATS)


def test_what_is_left_without_chance_is_a_mean_too(repeats, mean):
    options = EvaluationOptions(1, n_bootstrap=50)
    single = [metric(evaluate(each, options), "Brier reliability").debiased for each in repeats]
    assert len(set(single)) > 1
    assert metric(mean, "Brier reliability").debiased == pytest.approx(np.mean(single))


def test_more_repeats_of_the_same_predictions_do_not_narrow_the_interval(repeats):
    options = EvaluationOptions(1, n_bootstrap=50)
    once = evaluate(repeats[0], options)
    copied = over_repeats([once] * 5)
    for before, after in zip(once.metrics, copied.metrics, strict=True):
        assert after.value == pytest.approx(before.value, nan_ok=True)
        assert after.low == (None if before.low is None else pytest.approx(before.low))
        assert after.high == (None if before.high is None else pytest.approx(before.high))
        expected = None if before.debiased is None else pytest.approx(before.debiased)
        assert after.debiased == expected
    assert metric(once, "Brier reliability").debiased is not None


def test_the_interval_is_no_narrower_than_a_bootstrap_of_patients(repeats, mean):
    """Of the mean over repeats; patients are drawn with all of their cases and repeats."""
    right = np.mean([each.predicted == each.truth for each in repeats], axis=0)
    by_patient = right.reshape(20, 2).mean(axis=1)
    random = np.random.default_rng(5)
    draws = [random.choice(by_patient, 20).mean() for _ in range(4000)]
    low, high = np.quantile(draws, (0.025, 0.975))
    interval = metric(mean, "accuracy")
    assert interval.high - interval.low > high - low


def test_a_metric_that_a_repeat_does_not_define_is_the_mean_of_the_others():
    def of(value):
        known = value is not None
        return Metric("x", value, value if known else None, value if known else None, 9, "method")

    from ricenet_v2.evaluation.repeats import _mean

    both = _mean([of(0.2), of(None), of(0.4)], 3)
    assert both.value == pytest.approx(0.3)
    assert both.warning == "not defined in 1 of 3 repeats"
    assert _mean([of(None)], 1) == of(None)
