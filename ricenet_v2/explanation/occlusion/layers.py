"""A layer that looks at a neighbourhood, with and without its padding."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from torch import nn

from ricenet_v2.explanation.occlusion.boxes import Reach, Size


@dataclass(frozen=True)
class Layer:
    """A convolution or a pool.

    Attributes:
        padded: The layer itself, for whole maps.
        bare: The same without padding, for parts that already have their rim.
        reach: Voxels that it sees.
        beyond: Value beyond the map: 0, or for a max pool less than anything.
        work: Multiply-adds for one voxel of its map.
    """

    padded: nn.Module
    bare: nn.Module
    reach: Reach
    beyond: float
    work: int

    @classmethod
    def of(cls, layer: nn.Conv3d | nn.MaxPool3d | nn.AvgPool3d) -> Layer:
        """Take a layer apart."""
        dilation = getattr(layer, "dilation", 1)
        spread = zip(triple(layer.kernel_size), triple(dilation), strict=True)
        reach = Reach(
            kernel=tuple((k - 1) * d + 1 for k, d in spread),
            stride=triple(layer.stride),
            padding=triple(layer.padding),
        )
        bare = copy.copy(layer)
        bare.padding = (0, 0, 0)
        beyond = float("-inf") if isinstance(layer, nn.MaxPool3d) else 0.0
        work = layer.weight.numel() if isinstance(layer, nn.Conv3d) else 0
        return cls(layer, bare, reach, beyond, work)


def triple(value: object) -> Size:
    """One number for all axes, or one for each, as layers keep them."""
    return (value,) * 3 if isinstance(value, int) else tuple(value)  # type: ignore[arg-type]
