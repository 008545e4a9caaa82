"""Work that one process does at a time."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

if sys.platform != "win32":
    import fcntl


@contextmanager
def held(path: Path) -> Iterator[bool]:
    """Hold the lock of a file, which is made, and deleted at the end; nothing else may open it.

    A lock of POSIX belongs to one process: forked workers do not inherit it, so that it ends with
    the process however that ends. Threads of one process do not keep each other out. Where there
    are no such locks (Windows, some file systems), every process is told that it holds it.

    Yields:
        Whether this process holds it; False where another one does.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    while True:
        with path.open("a", encoding="utf-8") as stream:
            is_ours = _locked(stream)
            # Who held it until now may have deleted the file after it was opened here.
            if is_ours and not _is_at(path, stream):
                continue
            try:
                yield is_ours
            finally:
                if is_ours:
                    path.unlink(missing_ok=True)
            return


def _is_at(path: Path, stream: IO[str]) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _locked(stream: IO[str]) -> bool:
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        return error.errno not in {errno.EACCES, errno.EAGAIN}
    return True
