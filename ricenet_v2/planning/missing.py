"""A plan for cases that lack channels: the network is shown which are there, and learns without."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

from ricenet_v2.planning.ladder import Candidate
from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import ChannelFingerprint, Fingerprint
from ricenet_v2.records.plan import Plan

__all__ = ["LEAST_DROPOUT", "MOST_DROPOUT", "dropout_rates", "with_flags", "with_missing_channels"]

LEAST_DROPOUT, MOST_DROPOUT = 0.1, 0.5
"""Bounds of the planned rates: any channel may be missing in a new patient, and half of the
samples of a case are to show what it has."""


def with_flags(candidate: Candidate) -> Candidate:
    """The layout with a network that is shown which channels are there."""
    network = dataclasses.replace(candidate.network, presence=True)
    return dataclasses.replace(candidate, network=network)


def with_missing_channels(plan: Plan, fingerprint: Fingerprint) -> Plan:
    """The plan, whose network is shown which channels are there, with dropout and the reasons.

    Args:
        plan: Plan of the same channels as the fingerprint, made from layouts `with_flags`.
        fingerprint: Measurements of the dataset.
    """
    rates = dropout_rates(fingerprint.channels, fingerprint.n_cases)
    augmentation = dataclasses.replace(plan.training.augmentation, channel_dropout=rates)
    return dataclasses.replace(
        plan,
        training=dataclasses.replace(plan.training, augmentation=augmentation),
        decisions=(*plan.decisions, *_decisions(fingerprint, rates)),
    )


def dropout_rates(channels: Sequence[ChannelFingerprint], n_cases: int) -> tuple[float, ...]:
    """Probability that each channel is dropped from a sample that has it.

    The share of the training cases that lack it: a case that has it then shows the network the same
    patterns as often as the cohort does, so that a pattern says little of the patient.

    Args:
        channels: Channels with the number of cases that lack them.
        n_cases: Training cases.
    """
    shares = [channel.n_missing / max(1, n_cases) for channel in channels]
    return tuple(round(min(MOST_DROPOUT, max(LEAST_DROPOUT, share)), 3) for share in shares)


def _decisions(fingerprint: Fingerprint, rates: Sequence[float]) -> tuple[Decision, ...]:
    missing = [
        f"{channel.name} in {channel.n_missing} of {fingerprint.n_cases}"
        for channel in fingerprint.channels
        if channel.n_missing
    ]
    counts = (
        f"training cases lack {', '.join(missing)}" if missing else "no training case lacks any"
    )
    named = zip(fingerprint.channels, rates, strict=True)
    return (
        Decision(
            what="missing channels",
            value="allowed",
            reason=f"requested; {counts}. The head of the network gets a flag for each available "
            "channel; a missing one is 0 in its input",
        ),
        Decision(
            what="channel dropout",
            value=", ".join(f"{channel.name} {rate:.0%}" for channel, rate in named),
            reason="whole channels are dropped from training samples, each as often as training "
            f"cases lack it, at least {LEAST_DROPOUT:.0%}, since a new patient may lack any, and "
            f"at most {MOST_DROPOUT:.0%}; one channel that shows the patient always stays",
        ),
    )
