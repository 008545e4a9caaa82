"""Number of windows at a time that fit the memory."""

from __future__ import annotations

import logging
from collections.abc import Iterable

import torch

from ricenet_v2.core.machine import GIB
from ricenet_v2.explanation.occlusion.batches import Compute, Numbers, halved, tried
from ricenet_v2.network.tensor_memory import LiveBytes

_LOGGER = logging.getLogger(__name__)
# A convolution may copy its input and its output to a layout of its own. Both are alive and
# counted while it runs, so that the copies are never more than what is counted.
_WITH_COPIES = 2


def batch_for(
    memory_gb: float, compute: Compute, widest: Numbers, known: Iterable[torch.Tensor], kept: int
) -> int:
    """The largest batch whose tensors, and copies of them in convolutions, stay in the memory.

    Args:
        memory_gb: GiB.
        compute: Tried once, and every tensor that it makes is followed.
        widest: The windows that it is tried with: those that change the most. Where memory runs
            out with them, fewer.
        known: Tensors that are there anyway: the network.
        kept: Bytes that are kept from batch to batch.

    Raises:
        RicenetError: Memory runs out with one window.
    """
    known = tuple(known)
    while True:
        with LiveBytes(known) as live:
            is_done = tried(compute, widest) is not None
        if is_done:
            break
        widest = widest[: halved(len(widest))]
    bytes_per_window = _WITH_COPIES * live.peak / len(widest)
    left = memory_gb * GIB - kept
    if left < bytes_per_window:
        _LOGGER.warning(
            "One window at a time takes %.2f GiB, more than the %.2f GiB that are allowed.",
            (bytes_per_window + kept) / GIB,
            memory_gb,
        )
    return max(1, int(left // bytes_per_window))
