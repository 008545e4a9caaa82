"""The one pool of the program: results of tasks by any executor, and what becomes of lost ones.

A task whose process was killed, e.g. for lack of memory, is tried once more behind all others with
nothing beside it; killed again, it is reported, and all others are done. What all tasks share
goes to each process once: see `PoolTask`.
"""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import BrokenExecutor, Executor, Future
from queue import Empty, SimpleQueue
from typing import Any, Protocol, TypeVar

from ricenet_v2.core.errors import LateError, RicenetError

logger = logging.getLogger(__name__)

_SECONDS_BETWEEN_LOOKS = 0.5
_KILLED_TWICE = "its process was killed twice, e.g. for lack of memory, the second time alone"


class PoolTask(ABC):
    """Work that is sent to another process: that of one case, never the cohort.

    Its bytes do not grow with the dataset. What all tasks share is part of the function that works
    on them, which every process gets once. A test looks for all subclasses and measures them.
    """

    @property
    @abstractmethod
    def name(self) -> str:
        """Name of the case, for errors."""


class StopSource(Protocol):
    """Whether the user requested a stop."""

    requested: bool


class Never:
    """Nobody asks for an end."""

    requested = False


Item = TypeVar("Item")
Result = TypeVar("Result")
_Ended = tuple[int, Future[Any]]


def results(
    make: Callable[[], Executor],
    function: Callable[[Item], Result],
    items: Sequence[Item],
    failed: Callable[[Item, str], Result],
    stop: StopSource,
    late: Callable[[Item, LateError], Result] | None = None,
) -> Iterator[tuple[int, Result]]:
    """Positions and results of items as they come; after a wish to stop no other is begun.

    Args:
        make: Makes an executor, where the function runs; each is shut down at its end.
        function: Can be sent away.
        items: Its arguments.
        failed: Makes a result where the executor lost an item, or the function raised an error that
            is not ours.
        stop: Looked at between results.
        late: Makes a result where an executor with a time limit gave an item up; such an error is
            raised where None.

    Raises:
        RicenetError: Of the executor or the function; the rest is not begun.
    """
    lost: list[int] = []
    for place, future in _ended(make(), function, list(enumerate(items)), stop):
        if not future.cancelled() and isinstance(future.exception(), BrokenExecutor):
            lost.append(place)
        else:
            yield place, _result(future, items[place], failed, late)
    if lost:
        logger.warning("A process was killed: what it worked at is tried alone (%d).", len(lost))
    for alone in sorted(lost):
        for place, future in _ended(make(), function, [(alone, items[alone])], stop):
            yield place, _result(future, items[place], failed, late)


def _ended(
    executor: Executor,
    function: Callable[[Item], Any],
    items: Sequence[tuple[int, Item]],
    stop: StopSource,
) -> Iterator[_Ended]:
    """Positions with their futures that are done."""
    waiting: dict[Future[Any], int] = {}
    # Looking through all that wait, each time that one has ended, would take hours for 100,000.
    ended = SimpleQueue[Future[Any]]()
    try:
        for place, item in items:
            if stop.requested:
                break
            future = _submitted(executor, function, item)
            if future.done():  # a serial one
                yield place, future
            else:
                waiting[future] = place
                future.add_done_callback(ended.put)
        while waiting:
            next_one = _next(ended)
            if next_one is not None and next_one in waiting:
                yield waiting.pop(next_one), next_one
            if stop.requested:
                for other in [pending for pending in waiting if pending.cancel()]:
                    del waiting[other]
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _next(ended: SimpleQueue[Future[Any]]) -> Future[Any] | None:
    try:
        return ended.get(timeout=_SECONDS_BETWEEN_LOOKS)
    except Empty:
        return None


def _submitted(executor: Executor, function: Callable[[Item], Any], item: Item) -> Future[Any]:
    """A pool that is broken refuses what comes next, which then is lost like the rest."""
    try:
        return executor.submit(function, item)
    except BrokenExecutor as error:
        future = Future[Any]()
        future.set_exception(error)
        return future


def _result(
    future: Future[Any],
    item: Item,
    failed: Callable[[Item, str], Result],
    late: Callable[[Item, LateError], Result] | None,
) -> Result:
    try:
        result: Result = future.result()
    except LateError as error:
        if late is None:
            raise
        return late(item, error)
    except RicenetError:
        raise
    except BrokenExecutor as error:
        return failed(item, f"{_KILLED_TWICE} ({type(error).__name__}: {error})")
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the others are still worked on
        return failed(item, f"{type(error).__name__}: {error}")
    return result
