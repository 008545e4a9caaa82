"""Work that is given up when it takes too long, e.g. a read of a network drive that is gone.

It is done in a thread, which is left behind: it ends when it can, and changes no file (`core/files`
refuses it). Such a thread may hold a lock that all further work
needs (ITK holds one while it asks which format a file has), so that what comes after it is done in
another process, which is killed when it takes too long. So one thread at most goes on, with the
memory of its work.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, wait
from dataclasses import dataclass
from typing import Generic, ParamSpec, TypeVar

from ricenet_v2.core.abandoned_threads import has_left_behind, leave_behind
from ricenet_v2.core.errors import LateError
from ricenet_v2.core.processes import Processes

Given = ParamSpec("Given")
Returned = TypeVar("Returned")
_PROCESSES: dict[float, Processes] = {}
_STARTING = threading.Lock()


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
    """Result or error of a function, if it ends in time.

    Args:
        seconds: Time limit in seconds; None calls it here, without a limit.
        function: Work that does no harm if it goes on unheard: it changes no file but by
            `files.replacing`; it and its arguments can be sent to
            a process.
        args: Positional arguments of the function.
        kwargs: Keyword arguments of the function.

    Raises:
        LateError: It takes longer.
    """
    if seconds is None:
        return function(*args, **kwargs)
    if has_left_behind():
        return _process(seconds).submit(function, *args, **kwargs).result()
    future, thread = begin(function, *args, **kwargs)
    if not wait([future], min(seconds, threading.TIMEOUT_MAX)).done:
        leave_behind(thread)
        raise LateError.after(seconds)
    return future.result()


def _process(seconds: float) -> Processes:
    """The other process, which is started once for each time limit."""
    with _STARTING:
        if seconds not in _PROCESSES:
            _PROCESSES[seconds] = Processes(1, seconds=seconds)
        return _PROCESSES[seconds]


@dataclass(frozen=True)
class Limited(Generic[Given, Returned]):
    """A function that is given up after so many seconds; it can be sent away as the function can.

    Attributes:
        seconds: Time limit in seconds, as in `within`.
        function: Function to call.
    """

    seconds: float | None
    function: Callable[Given, Returned]

    def __call__(self, /, *args: Given.args, **kwargs: Given.kwargs) -> Returned:
        """Result or error of the function, if it ends in time."""
        return within(self.seconds, self.function, *args, **kwargs)
