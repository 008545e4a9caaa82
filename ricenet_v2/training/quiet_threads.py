"""Threads of libraries whose errors are reported elsewhere, in words and not as a traceback."""

from __future__ import annotations

import logging
import threading
import weakref
from collections.abc import Callable
from dataclasses import dataclass

logger = logging.getLogger(__name__)

_QUIET = weakref.WeakSet[threading.Thread]()


def logged_elsewhere(thread: threading.Thread) -> None:
    """Log an error that ends this thread at the level DEBUG, and do not print it.

    Args:
        thread: Its end is noticed by other means.
    """
    _QUIET.add(thread)
    if not isinstance(threading.excepthook, _Hook):
        threading.excepthook = _Hook(threading.excepthook)


@dataclass(frozen=True)
class _Hook:
    """The hook of `threading`; for all other threads it does what it did before."""

    before: Callable[[threading.ExceptHookArgs], object]

    def __call__(self, args: threading.ExceptHookArgs) -> None:
        """Log the error that ended a thread."""
        if args.thread not in _QUIET:
            self.before(args)
        elif args.exc_value is not None:
            logger.debug("A thread has ended with an error.", exc_info=args.exc_value)
