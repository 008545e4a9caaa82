"""Shares against those of networks that learnt nothing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ricenet_v2.explanation.quantities.untrained import p_differs, p_larger


def test_it_is_students_test_of_one_value_against_several():
    """With one value on one side the variance of the two-sample test is that of the other."""
    others = [0.11, 0.14, 0.08, 0.12, 0.10]
    wanted = stats.ttest_ind([0.19], others)
    assert p_differs(0.19, others) == pytest.approx(wanted.pvalue)
    assert p_larger(0.19, others) == pytest.approx(wanted.pvalue / 2)
    assert p_larger(0.02, others) > 0.95


def test_by_hand():
    """Mean 2, standard deviation 1: (2 + 2 sqrt(4 / 3) - 2) / sqrt(4 / 3) = 2 with 2 degrees."""
    share = 2 + 2 * (4 / 3) ** 0.5
    assert p_larger(share, [1, 2, 3]) == pytest.approx(0.5 * (1 - 2 / 6**0.5))


def test_without_spread_or_with_few_networks_there_is_no_p():
    assert p_larger(0.2, [0.1, 0.2]) is None
    assert p_differs(0.2, []) is None
    assert p_larger(0.2, [0.1] * 5) is None


@given(st.integers(3, 8), st.integers(0, 2**32 - 1))
def test_both_sides_are_one_doubled(n, seed):
    share, *others = np.random.default_rng(seed).random(n + 1)
    one = p_larger(share, others)
    assert p_differs(share, others) == pytest.approx(2 * min(one, 1 - one))


@pytest.mark.parametrize("n", [3, 5, 12])
def test_a_network_like_the_others_is_significant_in_five_of_a_hundred(n):
    random, trials = np.random.default_rng(n), 600
    found = [p_differs(each[0], each[1:]) for each in random.normal(0.3, 0.1, (trials, n + 1))]
    low, high = stats.binom.ppf([0.0005, 0.9995], trials, 0.05)
    assert low <= np.sum(np.array(found) < 0.05) <= high
