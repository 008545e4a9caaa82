"""Time for which the network waits for data, by the clock of the device if it has one."""

from __future__ import annotations

import time
from typing import TypeAlias

import torch

Mark: TypeAlias = "float | torch.cuda.Event"
"""An instant: seconds of the host, or the end of what a CUDA device had been given by then."""


def mark(device: torch.device) -> Mark:
    """Now.

    A CUDA device works behind the program. So an instant of it is when it has done all that it was
    given: while the program waits for a batch and the device still has work, nothing is lost.
    """
    if device.type != "cuda":
        return time.perf_counter()
    event = torch.cuda.Event(enable_timing=True)  # type: ignore[no-untyped-call]
    event.record(torch.cuda.current_stream(device))
    return event


def seconds_between(first: Mark, second: Mark) -> float:
    """Seconds from one instant to another of the same device, which must be over by now."""
    if isinstance(first, float) or isinstance(second, float):
        assert isinstance(first, float)
        assert isinstance(second, float)
        return second - first
    return float(first.elapsed_time(second)) / 1000
