"""Standard output and error that end no command.

Neither what their encoding cannot spell ends it, nor a reader that has gone, such as `head`, nor a
full disk under the file that they are led to.
"""

from __future__ import annotations

import atexit
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TextIO


@cache
def spell_everything() -> None:
    """Write what the encoding of a terminal lacks (± in ASCII) with a backslash, as Python does."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # a stream of a notebook, or none at all
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    atexit.register(_flush_at_end)


@contextmanager
def that_may_close() -> Iterator[None]:
    """Go on inside the block where the output cannot be written any more."""
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _Output(before[0]), _Output(before[1])
    try:
        yield
    finally:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
        sys.stdout, sys.stderr = before


class _Output:
    """A stream that writes to nowhere once its reader has gone or its file has no room."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            _lead_nowhere(self._stream)
            return len(text)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            _lead_nowhere(self._stream)


def _lead_nowhere(stream: TextIO) -> None:
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def _flush_at_end() -> None:
    """Flush before Python does, which would end with exit code 120."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, OSError, ValueError):
            _Output(stream).flush()
