"""Folders that a process reads or writes for long: many may read one, a single one writes it.

A folder has a lock file, which is there as long as somebody holds it. The lock is that of flock(2):
it belongs to the open file, so that threads of one process keep each other out too, and it ends
with the process however that ends. Forked children close their copy at once, so that none of them
keeps the lock of a parent that was killed. On NFS the lock holds between machines.

Where there are no such locks (Windows, some file systems of clusters, folders that may only be
read) everybody goes on: what must not change is compared where it is read.
"""

from __future__ import annotations

import errno
import logging
import os
import stat
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from ricenet_v2.core.holders import Holder, holders_in, in_use, put, take, this_process

if sys.platform != "win32":
    import fcntl

    _HOW = os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_APPEND
else:
    _HOW = os.O_APPEND
_HAS_LOCKS: bool = sys.platform != "win32"

logger = logging.getLogger(__name__)

LOCK_FILE = ".ricenet.lock"
_IS_HELD = {errno.EAGAIN, errno.EACCES, errno.EWOULDBLOCK}
_READ_ONLY = {errno.EACCES, errno.EPERM, errno.EROFS}
_MOST_BYTES = 1 << 16
# A holder that ends is alone for an instant; commands of a script follow each other closely.
_SECONDS_OF_PATIENCE, _SECONDS_BETWEEN_TRIES = 0.5, 0.05
_OPEN: set[int] = set()


@contextmanager
def using(*, reads: Iterable[Path] = (), writes: Iterable[Path] = ()) -> Iterator[None]:
    """Hold folders, or refuse at once where other processes use them otherwise.

    Args:
        reads: Paths that nobody may write meanwhile; those that do not exist are skipped. One that
            is among `writes` too is held once.
        writes: Paths that nobody may read or write meanwhile. They are created, and removed at the
            end if still empty.

    Raises:
        InUseError: Another process has one of them; it is named.
    """
    written = {folder.resolve() for folder in writes}
    with ExitStack() as stack:
        for folder in sorted(written):
            stack.enter_context(_created(folder))
            stack.enter_context(_held(folder, writes=True))
        for folder in sorted({folder.resolve() for folder in reads} - written):
            stack.enter_context(_held(folder, writes=False))
        yield


@contextmanager
def _created(folder: Path) -> Iterator[None]:
    """Take away, at the end, what was made of a folder and its parents and stayed empty."""
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    try:
        yield
    finally:
        with suppress(OSError):  # something came into it
            for path in missing:
                path.rmdir()


@contextmanager
def _held(folder: Path, *, writes: bool) -> Iterator[None]:
    descriptor = _taken(folder, writes=writes)
    if descriptor is None:
        yield
        return
    holder = this_process(writes=writes)
    put(descriptor, holder)
    _OPEN.add(descriptor)
    try:
        yield
    finally:
        if descriptor in _OPEN:  # not in a forked child
            _OPEN.remove(descriptor)
            _let_go(folder / LOCK_FILE, descriptor, holder)


def _taken(folder: Path, *, writes: bool) -> int | None:
    """The open file of a lock; None where there are no locks."""
    until = time.monotonic() + _SECONDS_OF_PATIENCE
    while True:
        descriptor = _opened(folder / LOCK_FILE, writes=writes)
        if descriptor is None:
            return None
        try:
            _lock(descriptor, writes=writes)
        except OSError as error:
            content = _read(descriptor)
            os.close(descriptor)
            if error.errno not in _IS_HELD:
                with suppress(OSError):
                    (folder / LOCK_FILE).unlink()
                _log_failure(folder, error, writes=writes)
                return None
            if time.monotonic() > until:
                raise in_use(folder, holders_in(content), writes=writes) from None
            time.sleep(_SECONDS_BETWEEN_TRIES)
            continue
        # Who held it until now may have deleted the file after it was opened here.
        if _is_at(folder / LOCK_FILE, descriptor):
            return descriptor
        os.close(descriptor)


def _opened(path: Path, *, writes: bool) -> int | None:
    """A lock file of ours, made where it is not there; no link that leads elsewhere, no pipe."""
    if not _HAS_LOCKS:
        return None
    try:
        if writes:
            path.parent.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, _HOW | os.O_RDWR | os.O_CREAT, 0o666)
        except OSError as error:
            if error.errno not in _READ_ONLY:
                raise
            descriptor = os.open(path, _HOW | os.O_RDONLY)
    except OSError as error:
        _log_failure(path.parent, error, writes=writes)
        return None
    if stat.S_ISREG(os.fstat(descriptor).st_mode):
        return descriptor
    os.close(descriptor)
    return None


def _lock(descriptor: int, *, writes: bool) -> None:
    if sys.platform != "win32":
        fcntl.flock(descriptor, (fcntl.LOCK_EX if writes else fcntl.LOCK_SH) | fcntl.LOCK_NB)


def _log_failure(folder: Path, error: OSError, *, writes: bool) -> None:
    logger.log(
        logging.WARNING if writes else logging.DEBUG,
        "%s cannot be locked (%s): nothing keeps another process from working there too.",
        folder,
        os.strerror(error.errno or 0),
    )


def _is_at(path: Path, descriptor: int) -> bool:
    status = os.fstat(descriptor)
    try:
        return status.st_nlink > 0 and os.path.samestat(path.stat(), status)
    except OSError:
        return False


def _read(descriptor: int) -> bytes:
    with suppress(OSError):
        if sys.platform != "win32":
            size = os.fstat(descriptor).st_size
            return os.pread(descriptor, _MOST_BYTES, max(0, size - _MOST_BYTES))
    return b""


def _let_go(path: Path, descriptor: int, holder: Holder) -> None:
    """Release a lock; the last who holds it takes the file away."""
    take(descriptor, holder)
    with suppress(OSError):
        _lock(descriptor, writes=True)
        path.unlink()
    os.close(descriptor)


def _close_all() -> None:
    for descriptor in _OPEN:
        with suppress(OSError):
            os.close(descriptor)
    _OPEN.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_close_all)
