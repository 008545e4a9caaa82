"""Cache of the scanned headers, by path, size and time, so that the next scan is quick.

The cache names patients: it is readable by its owner alone, and belongs into the folder of the scan
and not into a dataset.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import TypeAdapter, ValidationError

from ricenet_v2.core.files import replacing
from ricenet_v2.core.regular import read_bytes
from ricenet_v2.core.text import is_text
from ricenet_v2.core.types import Shape, Triple
from ricenet_v2.ingest.header import DicomHeader

NAME = "headers.json"
_FORMAT = 3
"""Raised when what is kept changes; a cache of another format is read as an empty one."""


@dataclass(frozen=True)
class ReadFile:
    """Cached content of a file.

    Attributes:
        size: Size in bytes.
        changed: Time of the last change, ns.
        kind: `image` is in another format than DICOM.
        header: DICOM header.
        shape: Shape of an image, (z, y, x).
        spacing: Spacing of an image, (z, y, x), mm.
        fault: Why it cannot be used, in words.
    """

    size: int
    changed: int
    kind: Literal["dicom", "image", "neither", "unreadable"]
    header: DicomHeader | None = None
    shape: Shape | None = None
    spacing: Triple | None = None
    fault: str = ""

    def is_of(self, status: os.stat_result) -> bool:
        """Whether the file is the same since."""
        return (self.size, self.changed) == (status.st_size, status.st_mtime_ns)


@dataclass(frozen=True)
class _HeaderCache:
    format: int
    files: dict[str, ReadFile]


_ADAPTER = TypeAdapter(_HeaderCache)


def load_headers(folder: Path) -> dict[str, ReadFile]:
    """Cached headers, by the path of the file in the scanned tree.

    Nothing where there is no cache, or none that can be read: it saves time and nothing else.
    """
    try:
        cache = _ADAPTER.validate_json(read_bytes(folder / NAME))
    except (OSError, ValidationError, ValueError, RecursionError):
        return {}
    return cache.files if cache.format == _FORMAT else {}


def save_headers(folder: Path, files: Mapping[str, ReadFile]) -> None:
    """Keep what was read; the file is readable by its owner alone.

    Files whose names have bytes that are not UTF-8 are left out, and read each time.

    Raises:
        OSError: It cannot be written.
    """
    content = _ADAPTER.dump_json(
        _HeaderCache(_FORMAT, {name: file for name, file in files.items() if is_text(name)})
    )
    with replacing(folder / NAME, is_private=True) as temporary:
        temporary.write_bytes(content)
