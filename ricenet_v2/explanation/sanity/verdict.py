"""What a map must pass, and what it did not, in words."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.records.explanation import Check, CohortCheck

MOST_ALIKE = 0.5
"""Absolute maps of the network and of one that learnt nothing must correlate less than this."""
LEAST_AGREEMENT = 0.2
"""Maps of the members must correlate more than this on average."""


def faults(
    randomised: float,
    control: float | None,
    deletion_gain: float,
    insertion_gain: float,
    agreement: float | None,
) -> tuple[str, ...]:
    """What failed, in words; empty where a map passed all.

    Args:
        randomised: Rank correlation with the map of wholly random weights.
        control: With the model of shuffled labels; None without one.
        deletion_gain: Area of random orders less that of the map.
        insertion_gain: Area of the map less that of random orders.
        agreement: Of the members; None with a single one.
    """
    found = []
    if not randomised < MOST_ALIKE:
        found.append(f"much the same with random weights (correlation {randomised:.2f})")
    if control is not None and not control < MOST_ALIKE:
        found.append(f"much the same with shuffled labels (correlation {control:.2f})")
    if not deletion_gain > 0:
        found.append("deleting by the map lowers the probability no more than a random order")
    if not insertion_gain > 0:
        found.append("inserting by the map raises the probability no more than a random order")
    if agreement is not None and not agreement > LEAST_AGREEMENT:
        found.append(f"networks of the folds disagree (correlation {agreement:.2f})")
    return tuple(found)


def gains(check: Check) -> tuple[float, float]:
    """Of deletion and of insertion over random orders; above 0 is good."""
    deleted, inserted = check.deletion, check.insertion
    return deleted.random_area - deleted.area, inserted.area - inserted.random_area


def over_cohort(name: str, checks: Sequence[Check]) -> CohortCheck:
    """The same of the means over cases."""
    pairs = np.array([gains(check) for check in checks])
    randomised = float(np.mean([list(check.cascade.values())[-1] for check in checks]))
    control = _mean([check.control for check in checks])
    agreement = _mean([check.agreement for check in checks])
    deletion, insertion = (float(value) for value in pairs.mean(axis=0))
    return CohortCheck(
        map=name,
        n=len(checks),
        randomised=randomised,
        control=control,
        deletion_gain=deletion,
        insertion_gain=insertion,
        agreement=agreement,
        failed=faults(randomised, control, deletion, insertion, agreement),
    )


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
