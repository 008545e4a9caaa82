"""Signals that ask a training to stop after the present epoch."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Stopped(Exception):  # noqa: N818 - a wish, not an error
    """Training was asked to end; the last finished epoch is saved."""


class StopSignal:
    """Whether Ctrl-C or SIGTERM requested a stop."""

    def __init__(self) -> None:
        """Nothing is requested yet."""
        self.requested = False

    def _request(self, _number: int, _frame: FrameType | None) -> None:
        self.requested = True

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Catch both signals inside the block (in the main thread; else do nothing)."""
        try:
            old = {number: signal.signal(number, self._request) for number in _SIGNALS}
        except ValueError:
            old = {}
        try:
            yield
        finally:
            for number, handler in old.items():
                signal.signal(number, handler)
