"""Threads that were given up: nothing can end a thread that waits in a library.

What it does later must not be seen, since its work was reported as failed: it changes no file.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from ricenet_v2.core.errors import LateError

_THREADS: list[threading.Thread] = []
_GIVING_UP = threading.RLock()


def leave_behind(thread: threading.Thread) -> None:
    """Give a thread up; from now on it changes no file."""
    with _GIVING_UP:
        _THREADS.append(thread)


@contextmanager
def unless_left_behind() -> Iterator[None]:
    """Change files in here: no thread is given up meanwhile.

    Raises:
        LateError: The case of this thread timed out.
    """
    with _GIVING_UP:
        if threading.current_thread() in _THREADS:
            raise LateError("This case timed out; its thread may no longer write.")
        yield


def has_left_behind() -> bool:
    """Whether threads that were given up still run; they may hold locks of libraries."""
    return any(thread.is_alive() for thread in _THREADS)


def end_now(code: int) -> None:
    """End this process if threads that were given up still run, which it would else wait for."""
    if not has_left_behind():
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
