"""Writing files so that a kill at any instant leaves either the old file or the new one."""

from __future__ import annotations

import errno
import hashlib
import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ricenet_v2.core.abandoned_threads import unless_left_behind
from ricenet_v2.core.errors import DatasetError, DiskFullError, RicenetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.leftovers import mark, remove_dead
from ricenet_v2.core.places import without_home
from ricenet_v2.core.regular import opened

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PROBE_BYTES = 1 << 20


@contextmanager
def replacing(path: Path, *, is_private: bool = False) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary name keeps the suffix, since several libraries choose a format by it. What
    killed processes left in the folder is removed when a process first writes there.

    Args:
        path: Path of the file to be replaced.
        is_private: Whether the file is its owner's alone (0600) from its first byte on, as far as
            the disk knows permissions. Changing them later fails on FAT, and leaves an instant.

    Raises:
        DiskFullError: There was no room for it; `path` is as it was.
        LateError: This thread was given up, and its work reported as failed; `path` is as it was.
    """
    with unless_left_behind():
        path.parent.mkdir(parents=True, exist_ok=True)
    remove_dead(path.parent)
    name, dot, ending = path.name.partition(".")
    # Random, too: threads share the mark of their process.
    temporary = path.with_name(f".{name}.{mark()}-{secrets.token_hex(3)}.partial{dot}{ending}")
    try:
        if is_private:
            temporary.touch(mode=0o600)
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        with unless_left_behind():
            temporary.replace(path)
    except Exception as error:
        if _lacks_room(temporary, error):
            raise _full(path) from error
        raise
    finally:
        temporary.unlink(missing_ok=True)


def _lacks_room(temporary: Path, error: Exception) -> bool:
    """Whether a file could not be written for want of room; libraries in C++ do not say so."""
    if isinstance(error, OSError):
        return error.errno in NO_ROOM
    if isinstance(error, (RicenetError, MemoryError)):
        return False
    try:
        with temporary.open("ab") as stream:
            stream.write(bytes(_PROBE_BYTES))
    except OSError as fault:
        return fault.errno in NO_ROOM
    return False


def _full(path: Path) -> DiskFullError:
    free = shutil.disk_usage(path.parent).free
    return DiskFullError(
        "No space for this file: the disk is full, or a quota or limit is reached.",
        file=path,
        got=f"{free:,} bytes are free there",
        remedy="Free disk space and run the same command again (ricenet_train and ricenet_predict "
        "with --continue): what was finished is on disk, and nothing was overwritten.",
    )


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that a kill left in a folder where nobody else writes."""
    for leftover in folder.glob(".*.partial*"):
        leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str, *, is_private: bool = False) -> None:
    """Write UTF-8 text atomically, with the line ends that it has and `~` for the home folder."""
    with replacing(path, is_private=is_private) as temporary:
        temporary.write_text(without_home(text), encoding="utf-8", newline="\n")


def check_writable(folder: Path) -> None:
    """Make a folder and see that files can be written there, before hours of work rest on it.

    Raises:
        DatasetError: They cannot.
    """
    probe = folder / f".{secrets.token_hex(4)}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        try:
            probe.write_bytes(b"x")
        finally:
            probe.unlink(missing_ok=True)
    except OSError as error:
        raise DatasetError(
            "This folder is not writable.",
            file=folder,
            got=reason_of(error),
            remedy="Choose another folder with -o, or check its permissions and the space on its "
            "disk.",
        ) from error


def stamp(path: Path) -> tuple[int, int, int] | None:
    """Inode, size and time of change of a file, by which another one in its place is seen.

    Returns:
        None where there is no file.
    """
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes.

    Raises:
        OSError: It is missing, no regular file, or cannot be read.
    """
    with opened(path) as stream:
        return sha256_of_stream(stream)


def sha256_of_stream(stream: BinaryIO) -> str:
    """Hexadecimal SHA-256 of all bytes of an open file."""
    digest = hashlib.sha256()
    stream.seek(0)
    while chunk := stream.read(1 << 20):
        digest.update(chunk)
    return digest.hexdigest()


def sha256_of_text(text: str) -> str:
    """Hexadecimal SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
