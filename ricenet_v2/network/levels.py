"""Channels of absolute value beside bands around levels of theirs, so that any norm keeps them.

A norm that divides each feature map of a case by its own deviation (instance norm, group norm)
takes the scale of a channel away: a plan of 40 Gy and one of 60 Gy of the same shape become one.
A band is 1 at its level and falls to 0 at the levels beside it. Another dose fills other bands, in
other places, and no scaling of a feature map turns one band into another: the absolute value has
become a shape. Between two levels their bands mix, so values between levels are told apart too.

In radiotherapy these are isodose bands; the functions are the linear B-splines of de Boor (1978).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

Levels = Sequence[Sequence[float]]


def n_bands(levels: Levels) -> int:
    """How many bands the levels of all channels give."""
    return sum(max(0, len(values) - 1) for values in levels)


class Bands(nn.Module):
    """Puts a band for each level behind the channels; nothing of it is learnt or saved.

    Attributes:
        n_bands: How many maps are added.
    """

    channels: torch.Tensor
    low: torch.Tensor
    rise: torch.Tensor
    top: torch.Tensor
    fall: torch.Tensor

    def __init__(self, levels: Levels) -> None:
        """Prepare the bands.

        Args:
            levels: For each channel increasing values as the network sees them; the first is where
                the lowest band begins and has none itself, above the last its band stays 1. Empty
                for a channel without bands; no entries for none at all.
        """
        super().__init__()
        channels, lows, rises, tops, falls = [], [], [], [], []
        for channel, values in enumerate(levels):
            for low, top, high in zip(
                values, values[1:], itertools.chain(values[2:], (math.inf,)), strict=False
            ):
                channels.append(channel)
                lows.append(low)
                rises.append(1 / (top - low))
                tops.append(top)
                falls.append(1 / (high - top))
        self.n_bands = n_bands(levels)
        # Not on torch's default device: a network that is built on the meta device and then given
        # the weights of another one has no other source for these numbers.
        index = torch.tensor(channels, dtype=torch.long, device="cpu")
        self.register_buffer("channels", index, persistent=False)
        for name, numbers in (("low", lows), ("rise", rises), ("top", tops), ("fall", falls)):
            column = torch.tensor(numbers, dtype=torch.float32, device="cpu").view(-1, 1, 1, 1)
            self.register_buffer(name, column, persistent=False)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, Z, Y, X) to (B, channels + bands, Z, Y, X), voxel by voxel."""
        if not self.n_bands:
            return images
        device = images.device
        values = images[:, self.channels.to(device)]
        rising = (values - self.low.to(device)) * self.rise.to(device)
        falling = 1 - (values - self.top.to(device)) * self.fall.to(device)
        return torch.cat([images, torch.minimum(rising, falling).clamp(0, 1)], dim=1)
