"""Resampling and normalisation of each channel, by its kind."""

from __future__ import annotations

import math

from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import ChannelFingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation

DIVISOR_STEP = 5.0


def plan_channel(channel: ChannelFingerprint) -> tuple[ChannelPlan, Decision]:
    """The plan of one channel and the reason for it."""
    normalisation, reason = _normalisation(channel)
    channel_plan = ChannelPlan(
        channel.name, channel.kind, KINDS[channel.kind].interpolation, normalisation
    )
    value = f"{channel_plan.interpolation} resampling, {normalisation.scheme}"
    if normalisation.divisor is not None:
        value += f" by {normalisation.divisor:g}"
    return channel_plan, Decision(what=f"channel {channel.name}", value=value, reason=reason)


def _normalisation(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    scheme = KINDS[channel.kind].scheme
    if scheme == "divide":
        highest = channel.percentile_99_9.maximum
        divisor = max(DIVISOR_STEP, math.ceil(highest / DIVISOR_STEP) * DIVISOR_STEP)
        reason = (
            f"dose: one divisor for the whole dataset, the highest 99.9 percentile of a case "
            f"({highest:.4g} Gy) rounded up to a multiple of {DIVISOR_STEP:g} Gy, so that 30 Gy "
            "means 30 Gy in every patient; linear, since cubic resampling overshoots below zero "
            "and above the maximum"
        )
        return Normalisation("divide", divisor=divisor), reason
    if scheme == "clip_zscore":
        normalisation = Normalisation(
            "clip_zscore",
            clip_low=channel.percentile_00_5,
            clip_high=channel.percentile_99_5,
            mean=channel.mean,
            std=max(channel.std, 1e-6),
        )
        return normalisation, "ct: Hounsfield units are comparable, so constants of the dataset"
    if scheme == "none":
        return Normalisation("none"), "mask: values are labels"
    return Normalisation("zscore"), f"{channel.kind}: arbitrary scale, so each case by itself"
