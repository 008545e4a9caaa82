"""Resampling and normalisation of each channel, by its kind."""

from __future__ import annotations

import math

from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import ChannelFingerprint
from ricenet_v2.records.kinds import KINDS, KindSpecification
from ricenet_v2.records.normalisation import SCHEMES
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation

_LEAST_STD = 1e-6  # of a channel of one value
_STEPS = 10  # of a divisor in the values of a channel
_EXAMPLE = 6  # steps: 30 Gy of a dose
_ROUNDING = 1e-9  # of a quotient that is a whole number


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
    SCHEMES.checked(scheme, normalisation, Normalisation)
    channel_plan = ChannelPlan(
        channel.name, channel.kind, KINDS[channel.kind].interpolation, normalisation
    )
    value = f"{channel_plan.interpolation} resampling, {normalisation.scheme}"
    if normalisation.divisor is not None:
        value += f" by {normalisation.divisor:g}"
    return channel_plan, Decision(what=f"channel {channel.name}", value=value, reason=reason)


def fit_divide(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """A fixed divisor for the whole dataset, and why."""
    kind = KINDS[channel.kind]
    highest = channel.percentile_99_9.maximum
    step = kind.divisor_step or _step_of(highest)
    count = max(1, math.ceil(highest / step - _ROUNDING))
    divisor = float(f"{count * step:.12g}")
    example = _with_unit(_EXAMPLE * step, kind)
    reason = (
        f"{kind.label}: one divisor for the whole dataset, the highest 99.9 percentile of a case "
        f"({_with_unit(highest, kind)}) rounded up to a multiple of {_with_unit(step, kind)}, so "
        f"that {example} means {example} in every patient"
    )
    if kind.interpolation == "linear":
        reason += "; linear, since cubic resampling overshoots below zero and above the maximum"
    return Normalisation("divide", divisor=divisor), reason


def _step_of(highest: float) -> float:
    """1, 2 or 5 times a power of ten, the largest up to a tenth of the value; 1 for none above 0.

    So 99.9 percentiles of all magnitudes are rounded up by a tenth at most, and two cohorts of one
    sort of image get divisors that are alike.
    """
    if highest <= 0:
        return 1.0
    tenth = highest / _STEPS
    power = 10.0 ** math.floor(math.log10(tenth))
    step = max((n * power for n in (1, 2, 5) if n * power <= tenth), default=power)
    return float(f"{step:.12g}")


def _with_unit(value: float, kind: KindSpecification) -> str:
    return f"{value:.4g} {kind.unit}".rstrip()


def fit_clip_zscore(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Percentiles, mean and deviation of the dataset, and why."""
    normalisation = Normalisation(
        "clip_zscore",
        clip_low=channel.percentile_00_5,
        clip_high=channel.percentile_99_5,
        mean=channel.mean,
        std=max(channel.std, _LEAST_STD * min(1.0, abs(channel.mean))) or _LEAST_STD,
    )
    values = KINDS[channel.kind].values
    reason = f"{channel.kind}: {values}, taken as comparable, so constants of the dataset"
    return normalisation, reason


def fit_none(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Values as they are, and why."""
    return Normalisation("none"), f"{channel.kind}: {KINDS[channel.kind].values}, left as it is"


def fit_zscore(channel: ChannelFingerprint) -> tuple[Normalisation, str]:
    """Mean and deviation of each case, and why."""
    scale = "whatever the scale" if KINDS[channel.kind].unit else "arbitrary scale"
    return Normalisation("zscore"), f"{channel.kind}: {scale}, so each case by itself"
