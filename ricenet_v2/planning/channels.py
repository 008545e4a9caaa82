"""Resampling and normalisation of each channel, by its kind."""

from __future__ import annotations

import math

from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import ChannelFingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.normalisation import SCHEMES
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation

DIVISOR_STEP = 5.0


def plan_channel(
    channel: ChannelFingerprint, scheme: str | None = None
) -> tuple[ChannelPlan, Decision]:
    """The plan of one channel and the reason for it.

    Args:
        channel: Measurements of the dataset.
        scheme: Normalisation in place of that of the channel's kind.

    Raises:
        PluginError: The package that brings the scheme is missing or fails.
    """
    scheme = scheme or KINDS[channel.kind].scheme
    fit = SCHEMES.function(scheme, "fit")
    with SCHEMES.blamed(scheme, "cannot be fitted"):
        normalisation, reason = fit(channel)
    channel_plan = ChannelPlan(
        channel.name, channel.kind, KINDS[channel.kind].interpolation, normalisation
    )
    value = f"{channel_plan.interpolation} resampling, {normalisation.scheme}"
    if normalisation.divisor is not None:
        value += f" by {normalisation.divisor:g}"
    return channel_plan, Decision(what=f"channel {channel.name}", value=value, reason=reason)


def fit_divide(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """A fixed divisor for the whole dataset, and why."""
    highest = channel.percentile_99_9.maximum
    divisor = max(DIVISOR_STEP, math.ceil(highest / DIVISOR_STEP) * DIVISOR_STEP)
    reason = (
        f"dose: one divisor for the whole dataset, the highest 99.9 percentile of a case "
        f"({highest:.4g} Gy) rounded up to a multiple of {DIVISOR_STEP:g} Gy, so that 30 Gy "
        "means 30 Gy in every patient; linear, since cubic resampling overshoots below zero "
        "and above the maximum"
    )
    return Normalisation("divide", divisor=divisor), reason


def fit_clip_zscore(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Percentiles, mean and deviation of the dataset, and why."""
    normalisation = Normalisation(
        "clip_zscore",
        clip_low=channel.percentile_00_5,
        clip_high=channel.percentile_99_5,
        mean=channel.mean,
        std=max(channel.std, 1e-6),
    )
    return normalisation, "ct: Hounsfield units are comparable, so constants of the dataset"


def fit_none(_channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Values as they are, and why."""
    return Normalisation("none"), "mask: values are labels"


def fit_zscore(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Mean and deviation of each case, and why."""
    return Normalisation("zscore"), f"{channel.kind}: arbitrary scale, so each case by itself"
