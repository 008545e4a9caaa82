"""How many patients a class is told from how many others by."""

from __future__ import annotations

import numpy as np

from ricenet_v2.evaluation.scored import Scored

ENOUGH = 200
"""Of either side, from which on flexible calibration curves are reliable (Van Calster 2016)."""


def sides(scored: Scored, index: int) -> tuple[int, int]:
    """Patients with a case of the class, and patients with a case of the rest.

    A patient with cases of both is on both sides.
    """
    own, owner = scored.truth == index, scored.grouping.owner
    return len(np.unique(owner[own])), len(np.unique(owner[~own]))


def rarer(scored: Scored, index: int) -> int:
    """The smaller of the two numbers: what figures of the class rest on."""
    return min(sides(scored, index))
