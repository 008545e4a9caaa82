"""Shapley values: the share of each group in the value of all groups together."""

from __future__ import annotations

from math import factorial

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Floats


def shapley_values(values: Floats) -> Floats:
    """Exact Shapley values (Shapley 1953): the mean gain of each player over all orders.

    phi_i = sum over S without i of |S|! (n - |S| - 1)! / n! (v(S with i) - v(S)). They sum to the
    value of all players less that of none.

    Args:
        values: Value of every subset, axes (2 ** players, ...); bit i of the index says whether
            player i is in the subset, so index 0 is the empty one.

    Returns:
        Axes (players, ...).

    Raises:
        DatasetError: The number of subsets is no power of two.
    """
    n_subsets = len(values)
    n = n_subsets.bit_length() - 1
    if n < 1 or 1 << n != n_subsets:
        raise DatasetError(
            "Shapley values need the value of every subset.",
            expected="2, 4, 8 ... values, the empty set first",
            got=n_subsets,
        )
    phi = np.empty((n, *values.shape[1:]))
    for player in range(n):
        weights, joined, before = (np.array(each) for each in zip(*gains(n, player), strict=True))
        phi[player] = np.tensordot(weights, values[joined] - values[before], axes=1)
    return phi


def gains(n: int, player: int) -> list[tuple[float, int, int]]:
    """The gains that a Shapley value is the mean of.

    Args:
        n: Players.
        player: Index of the player.

    Returns:
        The weight of each gain, and the indices of the subsets with the player and without.
    """
    bit = 1 << player
    terms = []
    for before in range(1 << n):
        if not before & bit:
            size = before.bit_count()
            weight = factorial(size) * factorial(n - size - 1) / factorial(n)
            terms.append((weight, before | bit, before))
    return terms
