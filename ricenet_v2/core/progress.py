"""Progress of long steps: a bar with the time left if requested, lines in a log.

Nothing is printed unless a block says so: commands show bars on a terminal (`on_terminal`), scripts
and notebooks where they want them (`progress_bars`). What is no terminal gets lines.
"""

from __future__ import annotations

import logging
import math
import os
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from contextlib import contextmanager, nullcontext
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
_SIZE = (100, 24)
"""Columns and rows of a terminal that does not know how many it has."""
_BARS: ContextVar[Literal["never", "terminal", "always"]] = ContextVar("bars", default="never")


@contextmanager
def progress_bars() -> Iterator[None]:
    """Show progress inside the block: bars on a terminal and in a notebook, lines on stderr else.

    Without it, functions that are called from Python print nothing; long steps still log lines at
    the level INFO to the logger `ricenet_v2`, and if that logger has a handler, messages are not
    duplicated. Threads that are started inside the block show none.

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


@contextmanager
def shown(*, is_wanted: bool) -> Iterator[None]:
    """Show progress bars inside the block if they are wanted, else as outside of it."""
    with progress_bars() if is_wanted else nullcontext():
        yield


def bar(**options: Any) -> tqdm[NoReturn] | None:
    """A progress bar with these options of `tqdm`, or None where none is to be shown."""
    bars, is_terminal = _BARS.get(), sys.stderr.isatty()
    is_notebook = bars == "always" and "ipykernel" in sys.modules
    if bars == "never" or not (is_terminal or is_notebook):
        return None
    # The bar of notebooks is a widget; `auto` warns where there are none.
    has_widgets = not is_terminal and find_spec("ipywidgets") is not None
    module = import_module("tqdm.auto" if has_widgets else "tqdm")
    # On a terminal that does not know its size, as in a container, tqdm shows nothing.
    ncols, nrows = (None, None) if _has_size() else _SIZE
    # Bars below each other need widgets, or a terminal whose cursor goes up.
    is_too_many = not (is_terminal or has_widgets) and bool(getattr(module.tqdm, "_instances", ()))
    new_bar: tqdm[NoReturn] = module.tqdm(
        mininterval=0.5,
        ncols=ncols,
        nrows=nrows,
        dynamic_ncols=ncols is None,
        disable=is_too_many,
        **options,
    )
    return new_bar


def _has_size() -> bool:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns > 0
    except (OSError, ValueError):  # no terminal, as in a notebook
        return True


def _is_written() -> bool:
    """Whether lines go to stderr, since they were requested and no log takes them."""
    return _BARS.get() == "always" and not logger.isEnabledFor(logging.INFO)


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
        items: Items to iterate over.
        description: Description of the step, in a few words.
        total: Number of items where `items` has no length.
        has_own_lines: Whether the step itself logs each item, so that a log needs no more.
    """
    number = len(items) if total is None and isinstance(items, Sized) else total
    shown = bar(desc=description, total=number) if number != 0 else None
    if shown is not None:
        with shown:
            for item in items:
                yield item
                shown.update()
    elif has_own_lines and not _is_written():
        yield from items
    else:
        yield from logged(items, description, number)


def logged(
    items: Iterable[Item], description: str, total: int | None, clock: Clock = time.monotonic
) -> Iterator[Item]:
    """Iterate and log lines like `predicting: 12 of 40, 1 min 10 s, about 2 min 43 s left`.

    Args:
        items: Items to iterate over.
        description: Description of the step.
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

    def __init__(
        self,
        description: str,
        total: int,
        clock: Clock = time.monotonic,
        *,
        initial: int = 0,
        leave: bool = False,
        has_own_lines: bool = False,
        is_long: bool = False,
        **options: Any,
    ) -> None:
        """Begin.

        Args:
            description: Description of the step; may be changed on the way.
            total: Total of whatever is counted.
            clock: Seconds.
            initial: Number that was done before, of which the time left knows nothing.
            leave: Whether the bar stays when it is closed.
            has_own_lines: Whether the step itself logs what is done, so that a log needs no more.
            is_long: Whether a log gets a line after each tenth and no others.
            options: Further ones of the bar.
        """
        self.description = description
        self._total, self._done = total, initial
        is_silent = has_own_lines and not _is_written()
        self._lines = None if is_silent else _Lines(total, clock, initial, is_long=is_long)
        self._bar = bar(desc=description, total=total, initial=initial, leave=leave, **options)

    @property
    def has_bar(self) -> bool:
        """Whether it is a bar."""
        return self._bar is not None

    def add(self, number: int = 1) -> bool:
        """Count further finished items; return whether a bar was redrawn."""
        return self.reach(self._done + number)

    def reach(self, done: int) -> bool:
        """Set the number of finished items, at most the total; return whether a bar was redrawn."""
        done, before = min(done, self._total), self._done
        self._done = done
        if self._bar is not None:
            self._bar.set_description(self.description, refresh=False)
            return bool(self._bar.update(done - before))
        if self._lines is not None:
            self._lines.reach(self.description, done)
        return False

    def refresh(self) -> None:
        """Redraw the bar, as time goes on."""
        if self._bar is not None:
            self._bar.refresh()

    def mark(self, text: str) -> None:
        """Write something behind the bar."""
        if self._bar is not None:
            self._bar.set_postfix_str(text)

    def finish(self) -> None:
        """No more is to come, whether or not the total was reached."""
        if self._bar is not None:
            self._bar.total = self._done
            self._bar.refresh()

    def close(self) -> None:
        """Take the bar away, unless it is to stay."""
        if self._bar is not None:
            self._bar.close()


class _Lines:
    """Says where a step is, neither too seldom nor too often."""

    def __init__(
        self, total: int | None, clock: Clock, initial: int = 0, *, is_long: bool = False
    ) -> None:
        self._total, self._clock, self._initial = total, clock, initial
        self._late = math.inf if is_long else _LATE
        self._start = self._last = clock()
        self._tenth = _TENTHS * initial // total if total else 0

    def reach(self, description: str, done: int) -> None:
        now = self._clock()
        reached = _TENTHS * done // self._total if self._total else 0
        waited = now - self._last
        is_due = waited >= self._late or (reached > self._tenth and waited >= _SOON)
        if is_due and done > self._initial:
            self._last, self._tenth = now, reached
            line = _line(description, done, self._total, now - self._start, self._initial)
            if _is_written():
                sys.stderr.write(f"{line}\n")
                sys.stderr.flush()
            else:
                logger.info("%s", line)


def _line(description: str, done: int, total: int | None, seconds: float, initial: int = 0) -> str:
    if not total:
        return f"{description}: {done}, {_time(seconds)}"
    left = seconds / (done - initial) * (total - done)
    rest = f", about {_time(left)} left" if done < total else ""
    return f"{description}: {done} of {total}, {_time(seconds)}{rest}"


def _time(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
