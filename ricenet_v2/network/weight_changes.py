"""Changes that let weights of a slightly different layer work the same here."""

from __future__ import annotations

import re

import torch

_NORM_OF = (
    (re.compile(r"conv\.bias$"), "norm."),
    (re.compile(r"conv(\d)\.bias$"), r"norm\1."),
    (re.compile(r"(stem|shortcut)\.0\.bias$"), r"\1.1."),
)


def with_channels(weight: torch.Tensor, n_channels: int) -> torch.Tensor:
    """A first convolution for another number of input channels.

    Channels are repeated in turn, and each copy is divided by the number of its copies; where there
    are fewer, those that fall on one place are added. So the response to an image whose channels
    are all the same stays what it was.

    Args:
        weight: (F, channels, Z, Y, X).
        n_channels: Wanted number of channels.

    Returns:
        (F, n_channels, Z, Y, X).
    """
    have = weight.shape[1]
    if n_channels >= have:
        source = torch.arange(n_channels) % have
        copies = torch.bincount(source, minlength=have)[source]
        return weight[:, source] / copies.view(1, -1, 1, 1, 1)
    target = torch.arange(have) % n_channels
    folded = torch.zeros_like(weight[:, :n_channels])
    return folded.index_add(1, target, weight)


def norm_after(bias: str) -> str | None:
    """The norm after the convolution of this bias, e.g. `stem.convs.0.norm.`; None if not one."""
    for pattern, replacement in _NORM_OF:
        if pattern.search(bias):
            return pattern.sub(replacement, bias)
    return None


def plain_shortcut(name: str, tensor: torch.Tensor, eps: float) -> torch.Tensor:
    """A tensor of a projection that acts as a shortcut without parameters.

    Shortcut A of He et al. (2016) takes every other voxel and fills the new channels with zeros:
    a projection by ones on the diagonal, and a batch norm that changes nothing in evaluation mode.

    Args:
        name: Name of the projection's tensor; its ending says which.
        tensor: Tensor of this network, for its shape.
        eps: Epsilon of the batch norm.
    """
    if name.endswith("shortcut.0.weight"):
        projection = torch.zeros_like(tensor)
        diagonal = torch.arange(min(tensor.shape[:2]))
        projection[diagonal, diagonal] = 1
        return projection
    if name.endswith("running_var"):
        return torch.full_like(tensor, 1 - eps)
    return torch.full_like(tensor, float(name.endswith("weight")))
