"""Small tensors and parts of images that go to a device without waiting for it."""

from __future__ import annotations

from collections.abc import Sequence

import torch


def sent(tensors: Sequence[torch.Tensor], device: torch.device) -> list[torch.Tensor]:
    """The tensors on the device, in one transfer; those of a CPU stay what they are.

    To CUDA it goes by page-locked memory: a copy of other memory waits until the device has done
    all that it was given before.

    Args:
        tensors: Tensors on the CPU, of one type.
        device: Where they are wanted.
    """
    if device.type == "cpu":
        return list(tensors)
    flat = torch.cat([tensor.flatten() for tensor in tensors])
    if device.type == "cuda":
        flat = flat.pin_memory()
    there = flat.to(device, non_blocking=device.type == "cuda")
    parts = torch.split(there, [tensor.numel() for tensor in tensors])
    return [part.view(tensor.shape) for part, tensor in zip(parts, tensors, strict=True)]


def picked(images: torch.Tensor, places: Sequence[int | tuple[int, ...]]) -> torch.Tensor:
    """A copy of parts of images: an index of lists would be sent to the device, and waited for.

    Args:
        images: Axes (..., z, y, x).
        places: Indices along the first axis, or tuples along the first axes.
    """
    return torch.stack([images[place] for place in places])


def put(
    images: torch.Tensor, places: Sequence[int | tuple[int, ...]], values: torch.Tensor
) -> None:
    """Write what belongs to these places; the arguments are those of `picked` and its result."""
    for place, value in zip(places, values, strict=True):
        images[place] = value
