"""What the processes of one session of tests make once for all of them."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def _folder_of_all(factory: pytest.TempPathFactory) -> Path:
    """The folder of temporary files of all processes of pytest-xdist."""
    mine = factory.getbasetemp()
    return mine.parent if "PYTEST_XDIST_WORKER" in os.environ else mine


@contextmanager
def one_at_a_time(factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Keep the other processes out of what has this name; yields a folder of all of them."""
    folder = _folder_of_all(factory) / "shared"
    folder.mkdir(exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def copied_once(factory: pytest.TempPathFactory, name: str, make: Callable[[Path], object]) -> Path:
    """A copy, of this process, of the folder that `make` has filled in this process or another."""
    with one_at_a_time(factory, name) as folder:
        if not (ready := folder / f"{name}.ready").exists():
            (folder / name).mkdir()
            make(folder / name)
            ready.touch()
    return shutil.copytree(folder / name, factory.mktemp(name) / "workspace")
