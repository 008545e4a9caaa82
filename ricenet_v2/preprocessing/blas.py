"""One thread for matrix products: the same bits with any setting, and no competition of workers."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from threading import Lock

from threadpoolctl import ThreadpoolController

_LIMIT = Lock()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_thread() -> Iterator[None]:
    """Hold numpy's BLAS to one thread.

    A product may round differently when threads share it, and products as small as these gain
    nothing from that: cases are processed in parallel instead. The limit holds for the whole
    process, so only one thread of Python may set it at a time.
    """
    with _LIMIT, _controller().limit(limits=1, user_api="blas"):
        yield
