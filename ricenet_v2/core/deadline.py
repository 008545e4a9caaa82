"""Work that is given up when it takes too long, e.g. a read of a network drive that is gone.

Nothing can end a thread that waits in a library. It is left behind, and a process with such threads
ends without waiting for them: see `end_now`.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from ricenet_v2.core.errors import LateError

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

CASE_SECONDS = 1800.0
"""That commands allow for reading and preparing one case; large ones take a minute or two."""
_LEFT_BEHIND: list[threading.Thread] = []


def begin(
    function: Callable[Given, Returned], /, *args: Given.args, **kwargs: Given.kwargs
) -> tuple[Future[Returned], threading.Thread]:
    """Call a function in a thread of its own, for which no process waits at its end."""
    future: Future[Returned] = Future()

    def work() -> None:
        try:
            future.set_result(function(*args, **kwargs))
        except BaseException as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    return future, thread


def within(
    seconds: float | None,
    function: Callable[Given, Returned],
    /,
    *args: Given.args,
    **kwargs: Given.kwargs,
) -> Returned:
    """What a function returns or raises, where it does so in time.

    Args:
        seconds: That it may take; None calls it here, as long as it takes.
        function: Work that does no harm if it goes on unheard.
        args: Of the function.
        kwargs: Of the function.

    Raises:
        LateError: It takes longer; its thread is left behind.
    """
    if seconds is None:
        return function(*args, **kwargs)
    future, thread = begin(function, *args, **kwargs)
    if not wait([future], min(seconds, threading.TIMEOUT_MAX)).done:
        _LEFT_BEHIND.append(thread)
        raise LateError(
            f"This takes longer than {seconds:g} s and was given up.",
            remedy="See whether the drive of the images answers, and whether the images can be "
            "opened by other programs. Large images on a slow machine need a larger "
            "--case_timeout.",
        )
    return future.result()


@dataclass(frozen=True)
class Limited(Generic[Given, Returned]):
    """A function that is given up after so many seconds; it can be sent away as the function can.

    Attributes:
        seconds: As those of `within`.
        function: What is called.
    """

    seconds: float | None
    function: Callable[Given, Returned]

    def __call__(self, /, *args: Given.args, **kwargs: Given.kwargs) -> Returned:
        """What the function returns or raises, where it does so in time."""
        return within(self.seconds, self.function, *args, **kwargs)


def has_left_behind() -> bool:
    """Whether threads that were given up still run."""
    return any(thread.is_alive() for thread in _LEFT_BEHIND)


def end_now(code: int) -> None:
    """End this process if threads that were given up still run, which it would else wait for."""
    if not has_left_behind():
        return
    logging.shutdown()
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)
