"""Writing files so that a kill at any instant leaves either the old file or the new one."""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ricenet_v2.core.places import without_home


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path`; on success it takes the place of `path`.

    The temporary name keeps the suffix, since several libraries choose a format by it.
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
    finally:
        temporary.unlink(missing_ok=True)


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
