"""Outputs of batch and instance normalisation on the meta device, forward and backward.

torch derives them there by dozens of operations in Python, which takes more than half of the time
of counting the cost of a network; but shapes and number formats follow from the inputs at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch

_FORWARD = torch.ops.aten.native_batch_norm.default
_BACKWARD = torch.ops.aten.native_batch_norm_backward.default


def outputs_of_norm(
    operation: object, inputs: Sequence[Any]
) -> tuple[torch.Tensor | None, ...] | None:
    """Outputs of a normalisation of training on the meta device.

    Args:
        operation: An operation of ATen.
        inputs: Its positional arguments; images have the axes (B, C, ...).

    Returns:
        Tensors without data, as torch returns; None where this is another operation, another
        device, or a normalisation by stored statistics.
    """
    if operation is _FORWARD:
        images, is_training = inputs[0], inputs[5]
        if images.is_meta and is_training:
            return torch.empty_like(images), *_vectors(images, torch.float32)
    elif operation is _BACKWARD:
        _, images, weight, *_, is_training, _, needed = inputs
        if images.is_meta and is_training:
            dtype = images.dtype if weight is None else weight.dtype
            gradients = torch.empty_like(images), *_vectors(images, dtype)
            return tuple(g if n else None for g, n in zip(gradients, needed, strict=True))
    return None


def _vectors(images: torch.Tensor, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
    """Two of a number for each channel."""
    first, second = (images.new_empty(images.shape[1], dtype=dtype) for _ in range(2))
    return first, second
