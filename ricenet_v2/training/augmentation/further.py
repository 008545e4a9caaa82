"""Changes that other packages bring: drawn and applied after those of this program."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from ricenet_v2.core.errors import PluginError
from ricenet_v2.records.augmentations import AUGMENTATIONS
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.plan_parts import AugmentationPlan, ChannelPlan
from ricenet_v2.training.augmentation.transfer import picked, put


@dataclass(frozen=True, eq=False)
class FurtherDraw:
    """One change: its name, the indices of the channels that it is given, and what was drawn."""

    name: str
    channels: tuple[int, ...]
    drawn: Any


def draw_further(
    plan: AugmentationPlan, channels: Sequence[ChannelPlan], random: np.random.Generator
) -> Iterator[FurtherDraw]:
    """Draw the changes that other packages bring.

    Args:
        plan: Probabilities and settings.
        channels: Channels of the sample.
        random: Generator.

    Raises:
        PluginError: A package is missing or fails.
    """
    for name, change in plan.further.items():
        if random.random() >= change.probability:
            continue
        specification = AUGMENTATIONS[name]
        for chosen in _given(channels, is_geometric=specification.is_geometric):
            parts = [channels[index] for index in chosen]
            draw = AUGMENTATIONS.function(name, "draw")
            with AUGMENTATIONS.blamed(name, "cannot be drawn"):
                drawn = draw(random, specification.settings_of(change), parts)
            yield FurtherDraw(name, chosen, drawn)


def _given(channels: Sequence[ChannelPlan], *, is_geometric: bool) -> Iterator[tuple[int, ...]]:
    if is_geometric:
        yield tuple(range(len(channels)))
        return
    for index, channel in enumerate(channels):
        if not KINDS[channel.kind].has_fixed_intensities:
            yield (index,)


def change_further(
    sample: torch.Tensor, draws: Sequence[FurtherDraw], channels: Sequence[ChannelPlan]
) -> None:
    """Make the changes of one sample (channels, z, y, x) in place.

    Raises:
        PluginError: A package is missing or fails, or does not give images.
    """
    for each in draws:
        given = picked(sample, each.channels)
        parts = [channels[index] for index in each.channels]
        apply = AUGMENTATIONS.function(each.name, "apply")
        with AUGMENTATIONS.blamed(each.name, "cannot be applied"):
            changed = apply(given.clone(), each.drawn, parts)
        is_image = isinstance(changed, torch.Tensor) and changed.shape == given.shape
        if not is_image or not bool(torch.isfinite(changed).all()):
            plugin = AUGMENTATIONS.plugin(each.name)
            raise PluginError(
                f"The augmentation {each.name} of {plugin.origin if plugin else 'ricenet_v2'} does "
                "not give images.",
                expected=f"finite values, a tensor of shape {tuple(given.shape)}",
                got=f"shape {tuple(changed.shape)}, values that are not finite"
                if is_image
                else f"{type(changed).__name__} of shape {tuple(getattr(changed, 'shape', ()))}",
                remedy=f"Switch it off with --set augmentation.p_{each.name}=0, or report it to "
                "the authors of the package.",
            )
        put(sample, each.channels, changed.to(sample.dtype))
