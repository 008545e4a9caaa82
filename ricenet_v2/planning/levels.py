"""Values of a channel at which the network gets bands, so that no norm removes absolute values."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ricenet_v2.records.decision import Decision
from ricenet_v2.records.fingerprint import ChannelFingerprint
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.normalisation import is_absolute, normalised_value
from ricenet_v2.records.plan_parts import ChannelPlan, Levels, Normalisation

MOST_BANDS = 8
_ROUND = (1.0, 2.0, 2.5, 5.0)
_WHY = (
    "instance norm removes the scale of a feature map, and with it the {what}; for each of these "
    "values the network gets a further channel, a band (1 at the value, falling to 0 at the values "
    "beside it), whose position in the image shows the {what}, whatever the norm, the batch and "
    "the other channels"
)


def plan_levels(
    channels: Sequence[ChannelFingerprint], plans: Sequence[ChannelPlan]
) -> tuple[Levels, tuple[Decision, ...]]:
    """The levels of each channel, normalised, and the decisions on those that have any.

    Args:
        channels: Measurements of the dataset.
        plans: Plans of the same channels, for their normalisation.
    """
    values = [
        _levels(channel, plan.normalisation) for channel, plan in zip(channels, plans, strict=True)
    ]
    decisions = [
        _decision(channel, levels)
        for channel, levels in zip(channels, values, strict=True)
        if levels
    ]
    normalised = tuple(
        tuple(_normalised(plan.normalisation, level) for level in levels)
        for plan, levels in zip(plans, values, strict=True)
    )
    return normalised if any(normalised) else (), tuple(decisions)


def _normalised(how: Normalisation, level: float) -> float:
    value = normalised_value(how, level)
    assert value is not None  # else the channel has no levels
    return value


def _levels(channel: ChannelFingerprint, normalisation: Normalisation) -> tuple[float, ...]:
    """Levels in the unit of the channel; none where values have a meaning within a case only."""
    if not is_absolute(normalisation.scheme):
        return ()
    if normalisation.divisor is not None:
        return every(normalisation.divisor)
    low, high = normalisation.clip_low, normalisation.clip_high
    if low is not None and high is not None:
        if low >= high:  # a CT of one value
            return ()
        width = (high - low) / MOST_BANDS
        return tuple(low + width * number for number in range(MOST_BANDS + 1))
    if KINDS[channel.kind].is_mask:
        # Half a label is none: a mask of another scale is another mask.
        step = max(1, math.ceil(channel.maximum.maximum / MOST_BANDS))
        labels = range(step, max(step, math.ceil(channel.maximum.maximum)) + 1, step)
        return (step / 2, *map(float, labels))
    return ()


def every(highest: float) -> tuple[float, ...]:
    """0 and the multiples up to `highest` of a round number: at most 8 of them.

    The number is 1, 2, 2.5 or 5 times a power of ten, the smallest that does.
    """
    power = 10.0 ** math.floor(math.log10(highest / MOST_BANDS))
    steps = [power * factor for factor in (*_ROUND, 10.0)]
    step = next(each for each in steps if highest / each <= MOST_BANDS + 1e-9)
    return tuple(step * number for number in range(math.floor(highest / step + 1e-9) + 1))


def _decision(channel: ChannelFingerprint, levels: Sequence[float]) -> Decision:
    kind = KINDS[channel.kind]
    unit = f" {kind.unit}" if kind.unit else ""
    return Decision(
        what=f"levels of {channel.name}",
        value=", ".join(f"{level:.4g}" for level in levels[1:]) + unit,
        reason=_WHY.format(what=kind.values),
    )
