"""Shapley values against a game worked by hand, the definition by orders, and the axioms."""

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.ablation.shapley import shapley_values
from ricenet_v2.core.errors import DatasetError


def by_orders(values, n):
    """The definition: the mean gain over all orders of joining."""
    orders = list(permutations(range(n)))
    found = np.zeros(n)
    for order in orders:
        inside = 0
        for player in order:
            found[player] += values[inside | 1 << player] - values[inside]
            inside |= 1 << player
    return found / len(orders)


def test_the_glove_game():
    """One left glove (0), two right ones (1, 2): a pair is worth 1. By hand 2/3, 1/6, 1/6."""
    values = np.array([0, 0, 0, 1, 0, 1, 0, 1.0])
    np.testing.assert_allclose(shapley_values(values), [2 / 3, 1 / 6, 1 / 6], atol=1e-12)


@given(st.integers(1, 5), st.integers(0, 2**32 - 1))
def test_it_is_the_mean_over_orders_and_shares_out_the_whole(n, seed):
    values = np.random.default_rng(seed).normal(size=2**n)
    found = shapley_values(values)
    np.testing.assert_allclose(found, by_orders(values, n), atol=1e-12)
    np.testing.assert_allclose(found.sum(), values[-1] - values[0], atol=1e-12)


def test_samples_are_shared_out_side_by_side():
    values = np.random.default_rng(0).normal(size=(8, 5, 2))
    found = shapley_values(values)
    assert found.shape == (3, 5, 2)
    np.testing.assert_allclose(found[:, 3, 1], by_orders(values[:, 3, 1], 3), atol=1e-12)


@pytest.mark.parametrize("n", [0, 1, 3, 6])
def test_a_missing_subset_is_refused(n):
    with pytest.raises(DatasetError, match="every subset"):
        shapley_values(np.zeros(n))
