"""A random-effects mean against statsmodels."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from statsmodels.stats.meta_analysis import combine_effects

from ricenet_v2.evaluation.random_effects import random_effects, spread_of, squares

ESTIMATES = st.lists(
    st.tuples(st.floats(-4, 4, width=16), st.floats(0.01, 2)), min_size=3, max_size=9
)


@pytest.mark.parametrize("seed", range(6))
def test_mean_error_and_spread_are_those_of_statsmodels(seed):
    random = np.random.default_rng(seed)
    n = int(random.integers(3, 10))
    values, variances = random.normal(1, (0.1, 0.9)[seed % 2], n), random.uniform(0.02, 0.4, n)
    found = random_effects(values, variances)
    other = combine_effects(values, variances, method_re="iterated", atol=1e-12)
    assert found.tau**2 == pytest.approx(other.tau2, abs=1e-9)
    assert found.mean == pytest.approx(other.mean_effect_re)
    assert found.error == pytest.approx(other.sd_eff_w_re)


def test_intervals_are_those_of_a_hand_worked_table():
    """Equal variances: tau squared is the variance of the values less that of an error."""
    values = np.array([0.0, 1.0, 2.0, 5.0])
    found = random_effects(values, np.full(4, 0.5))
    total = values.var(ddof=1)
    assert found.tau**2 == pytest.approx(total - 0.5)
    error = (total / 4) ** 0.5
    reach = stats.t.ppf(0.975, 3) * error
    assert found.interval() == pytest.approx((2 - reach, 2 + reach))


def test_the_spread_is_found_where_the_weighted_squares_are_as_wanted():
    values, variances = np.array([0.0, 1.0, 2.0, 5.0]), np.array([0.1, 0.5, 0.2, 1.0])
    wanted = np.array([20.0, 5.0, 1.0, 0.01])
    found = spread_of(values, variances, wanted)
    assert squares(values, variances, found) == pytest.approx(wanted, rel=1e-3)
    assert spread_of(values, 100 * variances, wanted)[0] == 0.0


def test_with_many_exact_estimates_a_new_one_is_predicted_as_by_the_normal_distribution():
    values = stats.norm.ppf((np.arange(80) + 0.5) / 80)
    found = random_effects(values, np.full(80, 1e-4)).prediction()
    assert found == pytest.approx((-1.96, 1.96), abs=0.1)


@settings(max_examples=20)
@given(ESTIMATES)
def test_a_new_one_is_never_known_better_than_the_mean(estimates):
    values, variances = np.array(estimates).T
    found = random_effects(values, variances)
    (low, high), (new_low, new_high) = found.interval(), found.prediction()
    assert new_low < found.mean < new_high
    assert new_high - new_low > 0.9 * (high - low)
    assert values.min() - 1e-9 <= found.mean <= values.max() + 1e-9
