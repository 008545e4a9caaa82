"""Folders for the files of a moment, for their owner alone; those of killed processes go later."""

from __future__ import annotations

import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ricenet_v2.core.leftovers import mark, remove_dead

_START = ".ricenet-"


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """Make a folder where the system keeps temporary files, and remove it when the block ends.

    What killed processes left there is removed when a process first asks for such a folder.
    """
    remove_dead(Path(tempfile.gettempdir()), f"{_START}*.partial")
    ending = f".{mark()}-{secrets.token_hex(3)}.partial"
    with tempfile.TemporaryDirectory(prefix=_START, suffix=ending) as folder:
        yield Path(folder)
