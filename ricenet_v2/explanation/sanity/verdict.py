"""Checks that a map must pass, and those that it failed, in words."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.explanation.gradients.integrated import GOOD
from ricenet_v2.explanation.sanity.curves import N_RANDOM
from ricenet_v2.records.explained_case import Check
from ricenet_v2.records.explanation import CohortCheck

MOST_SIMILAR = 0.5
"""Absolute maps of the network and of one that learnt nothing must correlate less than this."""
LEAST_AGREEMENT = 0.2
"""Maps of the members must correlate more than this on average."""
LEVEL = 0.05
"""Level at which a random order may pass deletion, and likewise insertion."""


@dataclass(frozen=True)
class Findings:
    """Values behind a verdict: of one case, or means over several.

    Attributes:
        randomised: Rank correlation with the map of wholly random weights.
        control: Result with the model of shuffled labels; None without one.
        deletion_better: Share of the random orders that deletion by the map beats.
        insertion_better: The same of insertion.
        agreement: Agreement of the members; None with a single one.
        completeness: Error of integrated gradients; None of other maps.
        n_patients: Number of patients that the shares are means over.
    """

    randomised: float
    control: float | None
    deletion_better: float
    insertion_better: float
    agreement: float | None
    completeness: float | None = None
    n_patients: int = 1


def faults(findings: Findings) -> tuple[str, ...]:
    """Failed checks, in words; empty if a map passed all."""
    least = least_better(findings.n_patients)
    checks = (
        (
            findings.randomised < MOST_SIMILAR,
            f"hardly changes with random weights (correlation {findings.randomised:.2f})",
        ),
        (
            findings.control is None or findings.control < MOST_SIMILAR,
            f"hardly changes with shuffled labels (correlation {findings.control or 0:.2f})",
        ),
        (
            findings.deletion_better >= least,
            f"deleting by the map is better than {_percent(findings.deletion_better)} of random "
            f"orders, which could be chance (required: {_percent(least)})",
        ),
        (
            findings.insertion_better >= least,
            f"inserting by the map is better than {_percent(findings.insertion_better)} of random "
            f"orders, which could be chance (required: {_percent(least)})",
        ),
        (
            findings.agreement is None or findings.agreement > LEAST_AGREEMENT,
            f"the networks of the folds disagree (correlation {findings.agreement or 0:.2f})",
        ),
        (
            findings.completeness is None or findings.completeness <= GOOD,
            f"does not add up to the output (error {_percent(findings.completeness or 0)})",
        ),
    )
    return tuple(sentence for passed, sentence in checks if not passed)


def least_better(n_patients: int) -> float:
    """Share of random orders that must be beaten, mean over patients.

    A map of chance beats a share that is even over 0, 1/19, ... 1. A mean of several is close to
    normal (of one patient the limit is all orders, of two 0.85, of sixteen 0.62).
    """
    spread = math.sqrt((N_RANDOM + 2) / (12 * N_RANDOM))
    return 0.5 + float(stats.norm.ppf(1 - LEVEL)) * spread / math.sqrt(n_patients)


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def gains(check: Check) -> tuple[float, float]:
    """Gain of deletion and of insertion over random orders; above 0 is good."""
    deleted, inserted = check.deletion, check.insertion
    return deleted.random_area - deleted.area, inserted.area - inserted.random_area


def over_cohort(name: str, checks: Sequence[Check], patients: Sequence[str]) -> CohortCheck:
    """The same of the means over cases; shares of orders beaten are means over patients first.

    The error of integrated gradients is the median, since it has no upper end.

    Args:
        name: Name of the map.
        checks: Checks of the cases.
        patients: Patients of the same cases.
    """
    pairs = np.array([gains(check) for check in checks])
    deletion, insertion = (float(value) for value in pairs.mean(axis=0))
    grouping = Patients.of(patients)
    better = [
        _over_patients([curve.better_than for curve in curves], grouping)
        for curves in ([c.deletion for c in checks], [c.insertion for c in checks])
    ]
    errors = [check.completeness for check in checks if check.completeness is not None]
    findings = Findings(
        randomised=float(np.mean([list(check.cascade.values())[-1] for check in checks])),
        control=_mean([check.control for check in checks]),
        deletion_better=better[0],
        insertion_better=better[1],
        agreement=_mean([check.agreement for check in checks]),
        completeness=float(np.median(errors)) if errors else None,
        n_patients=grouping.count,
    )
    return CohortCheck(
        map=name,
        n=len(checks),
        randomised=findings.randomised,
        control=findings.control,
        deletion_gain=deletion,
        insertion_gain=insertion,
        agreement=findings.agreement,
        failed=faults(findings),
        deletion_better=findings.deletion_better,
        insertion_better=findings.insertion_better,
        completeness=findings.completeness,
    )


def _over_patients(values: Sequence[float], patients: Patients) -> float:
    sums, counts = (
        np.bincount(patients.owner, weights) for weights in (values, np.ones(len(values)))
    )
    return float((sums / counts).mean())


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
