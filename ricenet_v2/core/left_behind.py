"""Threads that were given up: nothing can end a thread that waits in a library."""

from __future__ import annotations

import logging
import os
import sys
import threading

_THREADS: list[threading.Thread] = []


def leave_behind(thread: threading.Thread) -> None:
    """Give a thread up."""
    _THREADS.append(thread)


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
