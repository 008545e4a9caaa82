"""Observed : expected against Debray's formula, by hand, and in simulated cohorts."""

import dataclasses
import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import proportion_confint

from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.observed_expected import observed_expected


def made_of(truth, p, patients=None):
    p = np.asarray(p, dtype=float)
    names = tuple(f"p{i:04d}" for i in (range(len(p)) if patients is None else patients))
    cases = tuple(f"c{i:04d}" for i in range(len(p)))
    both = np.column_stack([1 - p, p])
    return LabelledPredictions(
        cases, names, np.asarray(truth, dtype=int), both.argmax(axis=1), both, ("a", "b")
    )


def metric(labelled):
    (found,) = observed_expected(labelled, 1, 0.95)
    return found


def test_of_a_model_that_knows_nothing_it_is_debrays():
    """Numbers of Nashef et al. in the EuroSCORE II data: 232 observed, 222 expected, of 5553."""
    found = metric(made_of(np.arange(5553) < 232, np.full(5553, 222 / 5553)))
    reach = stats.norm.ppf(0.975) * math.sqrt(1 / 232 - 1 / 5553)
    assert found.value == pytest.approx(232 / 222)
    expected = (232 / 222 * math.exp(-reach), 232 / 222 * math.exp(reach))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-4)


def test_of_a_model_that_knows_much_it_is_narrower(draw):
    labelled = draw(2, n=200, digits=6, knowledge=4)
    found, n_own = metric(labelled), int((labelled.truth == 1).sum())
    debray = 2 * stats.norm.ppf(0.975) * math.sqrt(1 / n_own - 1 / 200)
    assert math.log(found.high / found.low) < 0.6 * debray


def test_the_interval_holds_its_truth():
    """Calibrated models, 40 patients, a third of the class: 95 % of 600 cohorts, within noise."""
    random, held = np.random.default_rng(0), 0
    for _ in range(600):
        p = 1 / (1 + np.exp(-random.normal(-1, 2, 40)))
        found = metric(made_of(random.random(40) < p, p))
        held += found.low <= 1 <= found.high
    assert 0.93 <= held / 600 <= 0.98


@pytest.mark.parametrize("hits", [0, 2, 39, 40])
def test_at_the_ends_it_is_wilsons(hits):
    found = metric(made_of(np.arange(40) < hits, np.full(40, 0.3)))
    low, high = proportion_confint(hits, 40, method="wilson")
    assert found.value == pytest.approx(hits / 12)
    assert (found.low, found.high) == pytest.approx((low / 0.3, high / 0.3), abs=1e-12)
    assert "Wilson" in found.method
    assert "of the rarer side" in found.warning


def test_probabilities_of_0_and_1():
    truth = np.arange(40) < 12
    found = metric(made_of(truth, truth.astype(float)))
    assert found.value == 1
    assert found.low < 1 < found.high
    nothing = metric(made_of(truth, np.zeros(40)))
    assert (nothing.value, nothing.low, nothing.high) == (None, None, None)
    assert "hardly any probability" in nothing.warning


def test_every_class_of_several_has_its_own_and_patients_count_once(draw):
    labelled = draw(3, n=90)
    names = [one.name for one in observed_expected(labelled, 0, 0.95)]
    assert names == [f"observed : expected of {name}" for name in "xyz"]
    single = draw(2, n=60, digits=6)
    tripled = LabelledPredictions(
        tuple(f"{case}{k}" for k in range(3) for case in single.case_ids),
        single.patients * 3,
        np.tile(single.truth, 3),
        np.tile(single.predicted, 3),
        np.tile(single.probabilities, (3, 1)),
        single.classes,
    )
    assert metric(tripled).high == pytest.approx(metric(single).high)
    few = made_of([1, 1, 0, 0, 0, 0, 0, 0, 0, 0], [0.3] * 10, [0, *range(9)])
    (found,) = observed_expected(few, 1, 0.8)
    # By hand: the patient of both hits moves the share of 0.2 by 1.6 / 10, each other one by -0.02;
    # less their mean of 0, squared and times 9 / 8, that is 0.0324, and 0.2 * 0.8 / 0.0324 cases.
    worth = 0.16 / 0.0324 / (stats.t.ppf(0.9, 8) / stats.t.ppf(0.9, 9)) ** 2
    low, high = proportion_confint(0.2 * worth, worth, alpha=0.2, method="wilson")
    assert (found.low, found.high) == pytest.approx((low / 0.3, high / 0.3))
    alone = dataclasses.replace(tripled, patients=tripled.case_ids)
    assert metric(alone).high < metric(tripled).high
