"""State of the caller that functions leave unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def state_kept(num_threads: int | None = None) -> Iterator[None]:
    """Leave the random generator and the number of threads of torch as the caller has them.

    Args:
        num_threads: Threads of torch inside the block; those of the caller where None.
    """
    threads, state = torch.get_num_threads(), torch.get_rng_state()
    is_begun = torch.cuda.is_initialized()  # type: ignore[no-untyped-call]
    on_device = torch.cuda.get_rng_state_all() if is_begun else []
    try:
        if num_threads is not None:
            torch.set_num_threads(num_threads)
        yield
    finally:
        torch.set_num_threads(threads)
        torch.set_rng_state(state)
        if on_device:
            torch.cuda.set_rng_state_all(on_device)
