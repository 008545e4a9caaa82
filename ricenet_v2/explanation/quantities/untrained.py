"""Shares of a map against those of networks that learnt nothing.

Moving a map says nothing of where maps of such networks lie anyway: attribution follows anatomy and
the shape of the network, whatever it learnt (Adebayo et al. 2018). Maps of networks of the same
plan with random weights, of the same case and by the same method, lie there too.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy import stats

FEWEST = 3
"""Networks from which on a spread is known well enough to be used."""


def p_larger(share: float, untrained: Sequence[float]) -> float | None:
    """One-sided p: how often a network that learnt nothing has at least this share.

    Were the network one more of those that learnt nothing, its share less their mean, over their
    standard deviation times sqrt(1 + 1 / n), would follow Student's law of n - 1 degrees of freedom
    (the prediction of one further value; of a mean over cases all the more nearly).

    Args:
        share: Share of the trained network or ensemble.
        untrained: Share of each network that learnt nothing.

    Returns:
        None of fewer than three networks, or where all of them have the same share.
    """
    statistic = _student(share, untrained)
    return None if statistic is None else float(stats.t.sf(statistic, len(untrained) - 1))


def p_differs(share: float, untrained: Sequence[float]) -> float | None:
    """Two-sided p of the same comparison."""
    statistic = _student(share, untrained)
    return None if statistic is None else 2 * float(stats.t.sf(abs(statistic), len(untrained) - 1))


def _student(share: float, untrained: Sequence[float]) -> float | None:
    n = len(untrained)
    if n < FEWEST:
        return None
    spread = float(np.std(untrained, ddof=1)) * (1 + 1 / n) ** 0.5
    return None if spread <= 1e-12 else (share - float(np.mean(untrained))) / spread
