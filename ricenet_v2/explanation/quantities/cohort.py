"""Shares over the cohort: means with intervals by patient, against the shifted maps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation.intervals import bca, two_sided_p
from ricenet_v2.evaluation.resampling import Patients, replicated
from ricenet_v2.records.explanation import CohortShare, ExplainedCase

SAMPLES = 2000
ENSEMBLE = "ensemble"

Floats = NDArray[np.float64]
Ends = tuple[float, float] | None


def cohort_shares(cases: Sequence[ExplainedCase], seed: int) -> tuple[CohortShare, ...]:
    """Means of the ensemble's maps over the cases that have each part.

    Args:
        cases: Of the cohort.
        seed: Of the bootstrap.
    """
    return (*_parts(cases, seed), *_channels(cases, seed))


def _parts(cases: Sequence[ExplainedCase], seed: int) -> Iterator[CohortShare]:
    rows: dict[tuple[str, str], list[tuple[str, float, float]]] = {}
    for case in cases:
        for one in case.maps:
            if one.member != ENSEMBLE:
                continue
            for part, share in one.shares.found.items():
                row = (case.patient_id, share, one.shares.expected[part])
                rows.setdefault((one.name, part), []).append(row)
    for (name, part), found in rows.items():
        patients = Patients.of([row[0] for row in found])
        shares, expected = (np.array([row[n] for row in found]) for n in (1, 2))
        interval, _ = mean_interval(shares, patients, seed)
        excess_interval, p = mean_interval(shares - expected, patients, seed)
        yield CohortShare(
            map=name,
            part=part,
            n=len(found),
            mean=float(shares.mean()),
            interval=interval,
            expected=float(expected.mean()),
            excess=float((shares - expected).mean()),
            excess_interval=excess_interval,
            p=p,
        )


def _channels(cases: Sequence[ExplainedCase], seed: int) -> Iterator[CohortShare]:
    rows: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for case in cases:
        for method, channels in case.channel_shares.items():
            for channel, share in channels.items():
                rows.setdefault((method, channel), []).append((case.patient_id, share))
    for (method, channel), found in rows.items():
        shares = np.array([share for _, share in found])
        interval, _ = mean_interval(shares, Patients.of([name for name, _ in found]), seed)
        yield CohortShare(
            map=method,
            part=f"channel {channel}",
            n=len(found),
            mean=float(shares.mean()),
            interval=interval,
        )


def mean_interval(values: Floats, patients: Patients, seed: int) -> tuple[Ends, float | None]:
    """BCa interval of a mean, drawing patients, and the two-sided p of its difference from 0.

    Args:
        values: One per case.
        patients: Of the cases.
        seed: Of the bootstrap.

    Returns:
        None and None where a bootstrap says nothing: fewer than three patients.
    """
    if patients.count < 3:
        return None, None

    def means(weights: Floats) -> Floats:
        found: Floats = (values @ weights / weights.sum(axis=0))[:, None]
        return found

    random = generator(seed, "explanation", "cohort")
    drawn = replicated(means, patients.samples(SAMPLES, random))[:, 0]
    left_out = replicated(means, patients.left_out())[:, 0]
    return bca(float(values.mean()), drawn, left_out), two_sided_p(drawn)
