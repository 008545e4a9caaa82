"""Temporary files that killed processes left, as distinct from those that are being written.

The name of a temporary file says who writes it: the machine (until it is started again, and with
its container) and the number of the process. Only where both can be looked up here is it known that
the process has ended; any other file is left alone until it has not changed for a day.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import time
from contextlib import suppress
from functools import cache
from hashlib import blake2b
from pathlib import Path

_MARKED = re.compile(r"\.(?P<place>[0-9a-f]{6})-(?P<process>[0-9a-f]+)-[0-9a-f]{6}\.partial(\.|$)")
_SECONDS_UNTIL_DEAD = 24 * 3600
_LOOKED_AT: set[tuple[int, Path]] = set()
"""Folders, each with the number of the process that looked: a forked one looks by itself."""


def is_leftover(name: str) -> bool:
    """Whether a file of this name is a temporary one."""
    return name.startswith(".") and ".partial" in name


def mark() -> str:
    """Mark of the temporary files of this process."""
    return f"{_place()}-{os.getpid():x}"


def remove_dead(folder: Path, pattern: str = ".*.partial*") -> None:
    """Delete what killed processes left in a folder, files and folders; once in a process.

    What another process is writing stays, also that of another machine.

    Args:
        folder: Where to look.
        pattern: Glob pattern of the names that are examined.
    """
    seen = (os.getpid(), folder)
    if seen in _LOOKED_AT:
        return
    _LOOKED_AT.add(seen)
    with suppress(OSError):  # the folder cannot be listed
        for path in folder.glob(pattern):
            if _is_dead(path):
                _remove(path)


def _remove(path: Path) -> None:
    with suppress(OSError):  # whatever cannot be deleted hinders nobody
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


@cache
def _place() -> str:
    """Scope in which process ids refer to the same processes."""
    facts = [platform.node()]
    with suppress(OSError):
        facts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii"))
    with suppress(OSError):
        facts.append(str(Path("/proc/self/ns/pid").readlink()))
    return blake2b("\n".join(facts).encode(), digest_size=3).hexdigest()


def _is_dead(path: Path) -> bool:
    """Whether the process that wrote a temporary file has ended."""
    match = _MARKED.search(path.name)
    if match and match["place"] == _place() and sys.platform != "win32":
        return not _is_alive(int(match["process"], 16))
    with suppress(OSError):
        return time.time() - path.stat().st_mtime > _SECONDS_UNTIL_DEAD
    return False


def _is_alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):  # it belongs to somebody else
        return True
    return True
