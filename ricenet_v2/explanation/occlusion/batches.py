"""Working through many windows, as many at a time as the memory takes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray

from ricenet_v2.core.device_faults import lacks_memory
from ricenet_v2.core.errors import RicenetError

_LOGGER = logging.getLogger(__name__)

Numbers: TypeAlias = NDArray[np.int64]
Compute = Callable[[Numbers], torch.Tensor]
Progress = Callable[[int], object]
"""Function that is called with the number of further passes that are done."""


def silent(_number: int) -> None:
    """Ignore the progress."""


def in_batches(
    numbers: Numbers, batch: int, compute: Compute, progress: Progress = silent
) -> torch.Tensor:
    """Compute rows for numbers, batch by batch; where memory runs out the batch is halved.

    Args:
        numbers: Numbers of the windows.
        batch: Initial number of windows at a time.
        compute: Function from some of the numbers to as many rows.
        progress: Called with how many more are done.

    Returns:
        Rows in the order of the numbers, on the CPU.

    Raises:
        RicenetError: Memory runs out with one window at a time.
    """
    results: list[torch.Tensor] = []
    for part in _split(numbers, batch):
        done = 0
        while done < len(part):
            rows = tried(compute, part[done : done + batch])
            if rows is None:
                batch = halved(batch)
            else:
                results.append(rows)
                done += len(rows)
                progress(len(rows))
    return torch.cat(results)


def _split(numbers: Numbers, batch: int) -> list[Numbers]:
    return [numbers[start : start + batch] for start in range(0, len(numbers), batch)]


def tried(compute: Compute, numbers: Numbers) -> torch.Tensor | None:
    """Rows on the CPU, or None where memory ran out; what was made till then is let go."""
    try:
        return compute(numbers).cpu()
    except RuntimeError as error:
        if not lacks_memory(error):
            raise
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    return None


def halved(batch: int) -> int:
    """Half a batch for which memory ran out; that is logged.

    Raises:
        RicenetError: It was one window.
    """
    if batch == 1:
        raise RicenetError(
            "The device has no memory for one occluded image.",
            expected="memory for one forward pass",
            got="out of memory",
            remedy="Close other programs that use the device, or give --device cpu.",
        )
    _LOGGER.warning(
        "No memory for %d windows at a time: continuing with %d. Give a smaller memory_gb to begin "
        "with so many.",
        batch,
        batch // 2,
    )
    return batch // 2
