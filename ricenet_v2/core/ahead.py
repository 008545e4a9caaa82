"""Work on the next item while the current one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from queue import SimpleQueue
from typing import TypeVar

from ricenet_v2.core.deadline import begin, within

Item = TypeVar("Item")
Made = TypeVar("Made")
_Calls = SimpleQueue[tuple[Item, Future[Made]] | None]


def one_ahead(
    work: Callable[[Item], Made], items: Iterable[Item], seconds: float | None = None
) -> Iterator[tuple[Item, Future[Made]]]:
    """Items in order, each with what a thread makes of it; the thread is at most one ahead.

    An error of `work` is raised by the `result` of its item alone.

    Args:
        work: Function that the thread calls.
        items: Items for which it is called.
        seconds: Time limit in seconds for each; then the `result` raises a LateError, and the next
            item is processed. None sets no limit.
    """
    calls: _Calls[Item, Made] = SimpleQueue()
    _, thread = begin(_serve, work, calls, seconds)
    waiting: list[tuple[Item, Future[Made]]] = []
    try:
        for item in items:
            waiting.append((item, Future()))
            calls.put(waiting[-1])
            if len(waiting) > 1:
                yield waiting.pop(0)
        yield from waiting
    except BaseException:  # nobody asks for the rest
        for _, future in waiting:
            future.cancel()
        raise
    finally:
        calls.put(None)
        if seconds is None:
            thread.join()


def _serve(work: Callable[[Item], Made], calls: _Calls[Item, Made], seconds: float | None) -> None:
    while (call := calls.get()) is not None:
        item, future = call
        if not future.set_running_or_notify_cancel():
            continue
        try:
            future.set_result(within(seconds, work, item))
        except BaseException as error:  # noqa: BLE001 - the future carries it
            future.set_exception(error)
