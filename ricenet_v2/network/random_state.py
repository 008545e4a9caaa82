"""Random numbers that networks draw from torch's own generators."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Let torch's own generators of the CPU and of a device begin with a seed inside the block.

    Behind it they go on as if the block had not been. Other devices keep theirs, also where CUDA
    has not begun in this process: `torch.manual_seed` would decide what they begin with.

    Args:
        seed: Seed of both generators.
        device: Is in use already.
    """
    cpu = torch.get_rng_state()
    on_device = _state(device)
    torch.default_generator.manual_seed(seed)
    if device.type == "cuda":
        with torch.cuda.device(device):
            torch.cuda.manual_seed(seed)
    elif device.type == "mps":
        torch.mps.manual_seed(seed)
    try:
        yield
    finally:
        torch.set_rng_state(cpu)
        if on_device is not None:
            _set_state(on_device, device)


def _state(device: torch.device) -> torch.Tensor | None:
    if device.type == "cuda":
        return torch.cuda.get_rng_state(device)
    return torch.mps.get_rng_state() if device.type == "mps" else None


def _set_state(state: torch.Tensor, device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.set_rng_state(state, device)
    else:
        torch.mps.set_rng_state(state)
