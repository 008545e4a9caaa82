"""Channels of absolute value beside bands around levels of theirs, so that any norm keeps them.

A norm that divides each feature map of a case by its own deviation (instance norm, group norm)
takes the scale of a channel away: a plan of 40 Gy and one of 60 Gy of the same shape become one.
A band is 1 at its level and falls to 0 at the levels beside it. Another dose fills other bands, in
other places, and no scaling of a feature map turns one band into another: the absolute value has
become a shape. Between two levels their bands mix, so values between levels can be distinguished
too.

In radiotherapy these are isodose bands; the functions are the linear B-splines of de Boor (1978).
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence

import torch
from torch import nn

Levels = Sequence[Sequence[float]]


def n_bands(levels: Levels) -> int:
    """Number of bands that the levels of all channels give."""
    return sum(max(0, len(values) - 1) for values in levels)


class Bands(nn.Module):
    """Puts a band for each level behind the channels; nothing of it is learnt or saved.

    Its numbers follow the module from device to device, but they are no buffers: processes that
    train one network together send its buffers to each other in every pass.

    Attributes:
        n_bands: Number of maps that are added.
        source: Index of the channel of each band, shape (bands,).
        edges: Where each band begins and the steepness of its rise, its top, and the steepness of
            its fall, shape (4, bands).
    """

    def __init__(self, levels: Levels) -> None:
        """Prepare the bands.

        Args:
            levels: Increasing values for each channel, as the network sees them; the first is where
                the lowest band begins and has none itself, above the last its band stays 1. Empty
                for a channel without bands; no entries if there are none at all.
        """
        super().__init__()
        self.n_bands = n_bands(levels)
        source, edges = [], []
        for channel, channel_levels in enumerate(levels):
            above = itertools.chain(channel_levels[2:], (math.inf,))
            for low, top, high in zip(channel_levels, channel_levels[1:], above, strict=False):
                source.append(channel)
                edges.append((low, 1 / (top - low), top, 1 / (high - top)))
        # Not on torch's default device: a network that is built on the meta device and then given
        # the weights of another one has no other source for these numbers.
        self.source = torch.tensor(source, dtype=torch.long, device="cpu")
        self.edges = torch.tensor(edges, dtype=torch.float32, device="cpu").view(-1, 4).T

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Bands:
        super()._apply(fn, recurse)  # type: ignore[no-untyped-call]
        self.source, self.edges = fn(self.source), fn(self.edges)
        return self

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """(B, channels, Z, Y, X) to (B, channels + bands, Z, Y, X), voxel by voxel."""
        if not self.n_bands:
            return images
        low, rise, top, fall = self.edges.to(images.device).view(4, -1, 1, 1, 1)
        values = images[:, self.source.to(images.device)]
        rising, falling = (values - low) * rise, 1 - (values - top) * fall
        return torch.cat([images, torch.minimum(rising, falling).clamp(0, 1)], dim=1)
