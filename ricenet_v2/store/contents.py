"""Hashes of what files hold, whatever time they bear; each file is read once in a process.

Measuring and preprocessing ask for the same hashes, one after the other. Within a process a hash
holds as long as inode, size and both times of change of the file stay the same. A user can set the
first of these times, as `cp -p` and `rsync -t` do, but not the second.
"""

from __future__ import annotations

import os
import time
from pathlib import Path

from ricenet_v2.core.files import sha256_of_file

_KNOWN: dict[tuple[int, ...], str] = {}
_SETTLED_NS = 2_000_000_000
"""A file that changed less than this ago may change again and bear the same time."""


def content_hash(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        OSError: It is missing or cannot be read.
    """
    key = _key(path.stat())
    known = _KNOWN.get(key)
    if known is not None:
        return known
    hashed = sha256_of_file(path)
    status = path.stat()
    is_settled = time.time_ns() - max(status.st_mtime_ns, status.st_ctime_ns) > _SETTLED_NS
    if is_settled and _key(status) == key:
        _KNOWN[key] = hashed
    return hashed


def _key(status: os.stat_result) -> tuple[int, ...]:
    times = (status.st_mtime_ns, status.st_ctime_ns)
    return (status.st_dev, status.st_ino, status.st_size, *times)
