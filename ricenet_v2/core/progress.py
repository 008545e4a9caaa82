"""Progress of long steps: a bar with the time left where it is asked for, lines in a log.

Nothing is printed unless a block says so: commands show bars on a terminal (`on_terminal`), scripts
and notebooks where they want them (`progress_bars`).
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager
from contextvars import ContextVar
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any, Literal, NoReturn, TypeVar

if TYPE_CHECKING:
    from tqdm import tqdm

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Clock = Callable[[], float]

_TENTHS = 10
_SOON, _LATE = 5.0, 30.0
"""Seconds: lines are never closer than the first; the second is long enough for a line."""
_BARS: ContextVar[Literal["never", "terminal", "always"]] = ContextVar("bars", default="never")


@contextmanager
def progress_bars() -> Iterator[None]:
    """Show progress bars inside the block, on stderr or as those of a notebook.

    Without it, functions that are called from Python print nothing; long steps still log lines at
    the level INFO to the logger `ricenet_v2`. Threads that are started inside the block show none.

    Example:
        >>> with rn.progress_bars():
        ...     result = rn.preprocess("1", workspace=space)
    """
    with _set("always"):
        yield


@contextmanager
def on_terminal() -> Iterator[None]:
    """Show progress bars inside the block where stderr is a terminal."""
    with _set("terminal"):
        yield


@contextmanager
def _set(bars: Literal["terminal", "always"]) -> Iterator[None]:
    token = _BARS.set(bars)
    try:
        yield
    finally:
        _BARS.reset(token)


def bar(**options: Any) -> tqdm[NoReturn] | None:
    """A progress bar with these options of `tqdm`, or None where none is to be shown."""
    bars = _BARS.get()
    if bars == "never" or (bars == "terminal" and not sys.stderr.isatty()):
        return None
    # The bar of notebooks is a widget; `auto` warns where there are none.
    has_widgets = not sys.stderr.isatty() and find_spec("ipywidgets") is not None
    module = import_module("tqdm.auto" if has_widgets else "tqdm")
    shown: tqdm[NoReturn] = module.tqdm(dynamic_ncols=True, mininterval=0.5, **options)
    return shown


def track(
    items: Iterable[Item],
    description: str,
    total: int | None = None,
    *,
    has_own_lines: bool = False,
) -> Iterator[Item]:
    """Iterate and show how far it is.

    Where bars are shown, one has share done, time left and rate. Elsewhere a line is logged after
    each tenth and after 30 s, never sooner than 5 s after the line before.

    Args:
        items: What to iterate over.
        description: What the step does, in a few words.
        total: Number of items where `items` has no length.
        has_own_lines: Whether the step itself logs each item, so that a log needs no more.
    """
    number = len(items) if total is None and isinstance(items, Sized) else total
    shown = bar(desc=description, total=number)
    if shown is not None:
        with shown:
            for item in items:
                yield item
                shown.update()
    elif has_own_lines:
        yield from items
    else:
        yield from logged(items, description, number)


def logged(
    items: Iterable[Item], description: str, total: int | None, clock: Clock = time.monotonic
) -> Iterator[Item]:
    """Iterate and log lines like `predicting: 12 of 40, 1 min 10 s, about 2 min 43 s left`.

    Args:
        items: What to iterate over.
        description: What the step does.
        total: Number of items; None where it is not known.
        clock: Seconds.
    """
    lines = _Lines(total, clock)
    for done, item in enumerate(items, start=1):
        yield item  # the next line runs when the work on the item is done
        lines.reach(description, done)


class Progress:
    """Progress of a step that is no single loop, such as the many parts of a map.

    A bar or lines as those of `track`; when it is closed the bar goes, and the next can take its
    place.
    """

    def __init__(self, description: str, total: int, clock: Clock = time.monotonic) -> None:
        """Begin at 0.

        Args:
            description: What the step does; may be changed on the way.
            total: Total of whatever is counted.
            clock: Seconds.
        """
        self.description = description
        self._total, self._done = total, 0
        self._lines = _Lines(total, clock)
        self._bar = bar(desc=description, total=total, leave=False)

    def add(self, number: int = 1) -> None:
        """So many more are done."""
        self.reach(self._done + number)

    def reach(self, done: int) -> None:
        """So many are done; more than the total count as that."""
        done = min(done, self._total)
        if self._bar is None:
            self._lines.reach(self.description, done)
        else:
            self._bar.set_description(self.description, refresh=False)
            self._bar.update(done - self._done)
        self._done = done

    def close(self) -> None:
        """Take the bar away."""
        if self._bar is not None:
            self._bar.close()


class _Lines:
    """Logs where a step is, neither too seldom nor too often."""

    def __init__(self, total: int | None, clock: Clock) -> None:
        self._total, self._clock = total, clock
        self._start = self._last = clock()
        self._tenth = 0

    def reach(self, description: str, done: int) -> None:
        now = self._clock()
        reached = _TENTHS * done // self._total if self._total else 0
        waited = now - self._last
        if waited >= _LATE or (reached > self._tenth and waited >= _SOON):
            self._last, self._tenth = now, reached
            logger.info("%s", _line(description, done, self._total, now - self._start))


def _line(description: str, done: int, total: int | None, seconds: float) -> str:
    if not total:
        return f"{description}: {done}, {_time(seconds)}"
    left = seconds / done * (total - done)
    rest = f", about {_time(left)} left" if done < total else ""
    return f"{description}: {done} of {total}, {_time(seconds)}{rest}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
