"""Progress of long steps: a bar with the time left on a terminal, lines in a log."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sized
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")
Clock = Callable[[], float]

_TENTHS = 10
_SOON, _LATE = 5.0, 30.0
"""Seconds: lines are never closer than the first; the second is long enough for a line."""


def track(
    items: Iterable[Item],
    description: str,
    total: int | None = None,
    *,
    has_own_lines: bool = False,
) -> Iterator[Item]:
    """Iterate and show how far it is.

    Where stderr is a terminal, a bar shows share done, time left and rate. Elsewhere a line is
    logged after each tenth and after 30 s, never sooner than 5 s after the line before.

    Args:
        items: What to iterate over.
        description: What the step does, in a few words.
        total: Number of items where `items` has no length.
        has_own_lines: Whether the step itself logs each item, so that a log needs no more.
    """
    if sys.stderr.isatty():
        from tqdm import tqdm

        yield from tqdm(items, desc=description, total=total, dynamic_ncols=True, mininterval=0.5)
    elif has_own_lines:
        yield from items
    else:
        number = len(items) if total is None and isinstance(items, Sized) else total
        yield from told(items, description, number)


def told(
    items: Iterable[Item], description: str, total: int | None, clock: Clock = time.monotonic
) -> Iterator[Item]:
    """Iterate and log lines like `predicting: 12 of 40, 1 min 10 s, about 2 min 43 s left`.

    Args:
        items: What to iterate over.
        description: What the step does.
        total: Number of items; None where it is not known.
        clock: Seconds.
    """
    start = last = clock()
    tenth = 0
    for done, item in enumerate(items, start=1):
        yield item  # the next line runs when the work on the item is done
        now = clock()
        reached = _TENTHS * done // total if total else 0
        waited = now - last
        if waited >= _LATE or (reached > tenth and waited >= _SOON):
            last, tenth = now, reached
            logger.info("%s", _line(description, done, total, now - start))


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
