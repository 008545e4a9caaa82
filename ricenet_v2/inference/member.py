"""Probabilities of one network."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import torch
from torch import nn


def mirrorings(axes: Sequence[int]) -> list[tuple[int, ...]]:
    """All subsets of the axes, the empty one first."""
    return [subset for size in range(len(axes) + 1) for subset in combinations(axes, size)]


@torch.inference_mode()
def probabilities(
    network: nn.Module, batch: torch.Tensor, mirror_axes: Sequence[int] = ()
) -> torch.Tensor:
    """Softmax averaged over the mirrorings.

    Args:
        network: In evaluation mode, on the device of the batch.
        batch: Images (B, C, Z, Y, X).
        mirror_axes: Axes (0 z, 1 y, 2 x) that may be flipped.

    Returns:
        (B, classes), float32 on the CPU.
    """
    turns = mirrorings(mirror_axes)
    total = torch.zeros((), device=batch.device)
    for axes in turns:
        turned = torch.flip(batch, [axis + 2 for axis in axes]) if axes else batch
        total = total + torch.softmax(network(turned).float(), dim=1)
    return (total / len(turns)).cpu()
