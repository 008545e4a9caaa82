"""Differences and ratios of shares against hand-worked intervals, and Newcombe's table."""

import math

import numpy as np
import pytest
from scipy import stats
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.two_proportions import Proportion, difference, ratio, together


def single(n):
    return Patients(np.arange(n), n)


def share(hits, n):
    return Proportion.wilson(np.arange(n) < hits, single(n), 0.95)


@pytest.mark.parametrize(
    "table", [(56, 70, 48, 80), (9, 10, 3, 10), (10, 10, 0, 20), (5, 56, 0, 29)]
)
def test_an_unweighed_difference_is_newcombes_method_10(table):
    a, m, b, n = table
    made = difference(share(a, m), share(b, n), 1.0, 0.0)
    expected = confint_proportions_2indep(a, m, b, n, compare="diff", method="newcomb")
    assert (made.low, made.high) == pytest.approx(expected, abs=1e-12)


def test_newcombes_published_example():
    """Newcombe 1998 (Stat Med 17:873), table II, (a) and (e): 56/70 - 48/80 and 9/10 - 3/10."""
    made = difference(share(56, 70), share(48, 80), 1.0, 0.0)
    assert (round(made.low, 4), round(made.high, 4)) == (0.0524, 0.3339)
    made = difference(share(9, 10), share(3, 10), 1.0, 0.0)
    assert (round(made.low, 4), round(made.high, 4)) == (0.1705, 0.8090)


def test_parts_that_exclude_each_other_are_one_share():
    """A share less the rest of it: 2 p - 1, with Wilson's limits of p."""
    own = np.arange(30) < 8
    first, second = (Proportion.wilson(part, single(30), 0.95) for part in (own, ~own))
    found = together(own - first.value, ~own - second.value, single(30))
    made = difference(first, second, 1.0, found)
    assert found == pytest.approx(-1)
    assert (made.low, made.high) == pytest.approx((2 * first.low - 1, 2 * first.high - 1))


def test_a_ratio_inverts_the_difference():
    """At both ends the interval of top - end * bottom just reaches 0."""
    for top, bottom, r in [
        ((3, 40), (20, 30), 0.0),
        ((5, 40), (20, 30), 0.2),
        ((9, 9), (4, 9), 0.0),
    ]:
        a, b = share(*top), share(*bottom)
        low, high = ratio(a, b, r)
        assert difference(a, b, low, r).low == pytest.approx(0, abs=1e-12)
        assert difference(a, b, high, r).high == pytest.approx(0, abs=1e-12)
        assert 0 < low < a.value / b.value < high


def test_ends_of_a_ratio():
    assert ratio(share(0, 20), share(5, 20), 0.0)[0] == 0
    low, high = ratio(share(5, 20), share(0, 20), 0.0)
    assert high == math.inf
    assert 0 < low < math.inf


@pytest.mark.parametrize("level", [0.95, 0.8])
def test_patients_with_equal_cases_count_as_patients_at_every_level(level):
    """24 cases of 8 patients are worth 7 (8 - 1, whose spread is that of 8), fewer by t."""
    hit = np.repeat([True, False, False, True, False, False, False, True], 3)
    at = (1 + level) / 2
    worth = 7 / (stats.t.ppf(at, 7) / stats.t.ppf(at, 23)) ** 2
    expected = proportion_confint(worth * 3 / 8, worth, alpha=1 - level, method="wilson")
    found = Proportion.wilson(hit, Patients(np.repeat(np.arange(8), 3), 8), level)
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-9)


def test_several_cases_of_a_patient_count_as_fewer():
    hit = np.repeat([True, False, False, True, False, False, False, True], 3)
    clustered = Patients(np.repeat(np.arange(8), 3), 8)
    wide, narrow = Proportion.wilson(hit, clustered, 0.95), Proportion.wilson(hit, single(24), 0.95)
    assert wide.value == narrow.value
    assert wide.high - wide.low > 1.4 * (narrow.high - narrow.low)
