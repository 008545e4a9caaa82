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

from ricenet_v2.core.errors import DiskFullError, RicenetError
from ricenet_v2.core.places import without_home

NO_ROOM = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_PROBE_BYTES = 1 << 20


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary name keeps the suffix, since several libraries choose a format by it.

    Raises:
        DiskFullError: There was no room for it; `path` is as it was.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    name, dot, ending = path.name.partition(".")
    # Random: threads share the number of a process, containers of a cluster often do.
    temporary = path.with_name(f".{name}.{secrets.token_hex(4)}.partial{dot}{ending}")
    try:
        yield temporary
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
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
        "There is no room for this file: the disk is full, or a quota or limit is met.",
        file=path,
        got=f"{free:,} bytes are free there",
        remedy="Make room and run the same command again (ricenet_train and ricenet_predict with "
        "--continue): what was finished is on disk, and nothing was overwritten.",
    )


def remove_leftovers(folder: Path) -> None:
    """Delete temporary files that a kill left in a folder where nobody else writes."""
    for leftover in folder.glob(".*.partial*"):
        leftover.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically, with the line ends that it has and `~` for the home folder."""
    with replacing(path) as temporary:
        temporary.write_text(without_home(text), encoding="utf-8", newline="\n")


def sha256_of_file(path: Path) -> str:
    """Hexadecimal SHA-256 of a file's bytes."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while chunk := stream.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def sha256_of_text(text: str) -> str:
    """Hexadecimal SHA-256 of a text in UTF-8."""
    return hashlib.sha256(text.encode()).hexdigest()
