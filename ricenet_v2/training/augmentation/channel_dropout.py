"""Dropping whole channels from a sample, so that a network learns to do without any of them.

Known as modality dropout (Neverova et al. 2016, ModDrop).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from ricenet_v2.network.presence import is_lacking
from ricenet_v2.records.plan_parts import ChannelPlan
from ricenet_v2.records.presence import lacks_anatomy

__all__ = ["draw_dropped", "drop_channels", "without"]


def draw_dropped(rates: Sequence[float], random: np.random.Generator) -> tuple[int, ...]:
    """Indices of the channels to be dropped, those first that are dropped before the others.

    Args:
        rates: Probability of each channel; none draws nothing.
        random: Generator.
    """
    if not rates:
        return ()
    drawn = random.random(len(rates))
    chosen = [index for index, rate in enumerate(rates) if drawn[index] < rate]
    return tuple(sorted(chosen, key=lambda index: (drawn[index] / rates[index], index)))


def without(
    lacking: Collection[int], dropped: Sequence[int], channels: Sequence[ChannelPlan]
) -> tuple[int, ...]:
    """Indices of the channels of a sample that are missing after some were dropped.

    A channel stays where without it nothing would show the patient.

    Args:
        lacking: Channels that the sample never had.
        dropped: Channels to be dropped, in their order.
        channels: All channels.
    """
    missing = list(lacking)
    for index in dropped:
        names = {channels[each].name for each in (*missing, index)}
        if index not in missing and not lacks_anatomy(channels, names):
            missing.append(index)
    return tuple(sorted(missing))


def drop_channels(
    images: torch.Tensor,
    original: torch.Tensor,
    dropped: Sequence[Sequence[int]],
    channels: Sequence[ChannelPlan],
) -> None:
    """Set the channels that are missing or dropped to NaN, in place.

    Args:
        images: Changed samples (samples, channels, z, y, x).
        original: The same as they were loaded, NaN in channels that they never had.
        dropped: Channels to be dropped from each sample.
        channels: All channels.
    """
    lacking = is_lacking(original).tolist()
    for sample, lacks, drops in zip(images, lacking, dropped, strict=True):
        before = [index for index, is_absent in enumerate(lacks) if is_absent]
        for index in without(before, drops, channels):
            sample[index] = torch.nan
