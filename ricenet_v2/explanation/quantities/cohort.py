"""Shares over the cohort: means, and tests and intervals of the excess.

The mean share itself has no interval: that of a bootstrap holds the truth of few patients too
seldom.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.paired_permutation import FEWEST, mean_test
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.explanation.quantities.untrained import p_differs
from ricenet_v2.records.explained_case import CHANNEL, ENSEMBLE, LOG_ODDS, ExplainedCase
from ricenet_v2.records.explanation import CohortShare

SAMPLES = 2000


def cohort_shares(cases: Sequence[ExplainedCase], seed: int) -> tuple[CohortShare, ...]:
    """Means of the ensemble's maps over the cases that have each part.

    Args:
        cases: Cases of the cohort.
        seed: Seed of the signs.
    """
    return (*_parts(cases, seed), *_channels(cases))


def _parts(cases: Sequence[ExplainedCase], seed: int) -> Iterator[CohortShare]:
    rows: dict[tuple[str, str], list[tuple[str, float, float | None]]] = {}
    others: dict[tuple[str, str], list[tuple[float, ...]]] = {}
    for case in cases:
        for record in case.maps:
            if record.member != ENSEMBLE or record.unit != LOG_ODDS:
                continue
            for part, share in record.shares.found.items():
                row = (case.patient_id, share, record.shares.expected.get(part))
                rows.setdefault((record.name, part), []).append(row)
                others.setdefault((record.name, part), []).append(
                    record.shares.untrained.get(part, ())
                )
    for (name, part), entries in rows.items():
        patients = Patients.of([patient for patient, _, _ in entries])
        shares = np.array([share for _, share, _ in entries])
        cohort_share = CohortShare(
            map=name,
            part=part,
            n=len(entries),
            mean=float(shares.mean()),
        )
        cohort_share = _against_untrained(cohort_share, others[name, part])
        known = [value for _, _, value in entries if value is not None]
        yield (
            cohort_share
            if len(known) < len(entries)
            else _tested(cohort_share, shares, known, patients, seed)
        )


def _tested(
    cohort_share: CohortShare,
    shares: Floats,
    expected: Sequence[float],
    patients: Patients,
    seed: int,
) -> CohortShare:
    excess = shares - np.array(expected)
    random = generator(seed, "explanation", "signs")
    p, ends = mean_test(excess, patients, SAMPLES, random)
    if patients.count < FEWEST:
        p, ends = None, None
    return replace(
        cohort_share,
        expected=float(np.mean(expected)),
        excess=float(excess.mean()),
        excess_interval=ends,
        p=p,
    )


def _against_untrained(
    cohort_share: CohortShare, shares: Sequence[tuple[float, ...]]
) -> CohortShare:
    """The shares with the means over the cases of each network that learnt nothing."""
    if not shares[0] or any(len(each) != len(shares[0]) for each in shares):
        return cohort_share
    means = [float(mean) for mean in np.mean(shares, axis=0)]
    return replace(
        cohort_share,
        untrained=float(np.mean(means)),
        p_untrained=p_differs(cohort_share.mean, means),
    )


def _channels(cases: Sequence[ExplainedCase]) -> Iterator[CohortShare]:
    rows: dict[tuple[str, str], list[tuple[str, float]]] = {}
    for case in cases:
        for method, channels in case.channel_shares.items():
            for channel, share in channels.items():
                rows.setdefault((method, channel), []).append((case.patient_id, share))
    for (method, channel), entries in rows.items():
        shares = np.array([share for _, share in entries])
        yield CohortShare(
            map=method,
            part=f"{CHANNEL}{channel}",
            n=len(entries),
            mean=float(shares.mean()),
        )
