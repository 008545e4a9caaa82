"""Work on the next item while the current one is used."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Made = TypeVar("Made")


def one_ahead(
    work: Callable[[Item], Made], items: Iterable[Item]
) -> Iterator[tuple[Item, Future[Made]]]:
    """Items in order, each with what a thread makes of it; the thread is at most one ahead.

    An error of `work` is raised by the `result` of its item alone.
    """
    with ThreadPoolExecutor(max_workers=1) as pool:
        waiting: list[tuple[Item, Future[Made]]] = []
        for item in items:
            waiting.append((item, pool.submit(work, item)))
            if len(waiting) > 1:
                yield waiting.pop(0)
        yield from waiting
