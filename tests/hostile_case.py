"""Cases that kill the process that gets them, as if memory were short, and reads without end."""

import dataclasses
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import SimpleITK as sitk

from ricenet_v2.core.abandoned_threads import has_left_behind
from ricenet_v2.core.deadline import _PROCESSES


class Bomb(str):
    """A covariate: harmless here, deadly in a process that it is sent to.

    Args:
        folder: Where a file counts each time that it was sent.
        times: How often it kills.
    """

    def __new__(cls, folder: Path, times: int):
        made = super().__new__(cls, "harmless")
        made.folder, made.times = folder, times
        return made

    def __reduce__(self):
        return _arrived, (self.folder, self.times)


def _arrived(folder: Path, times: int) -> str:
    if multiprocessing.parent_process() is not None:
        (folder / str(os.getpid())).touch()
        if len(list(folder.iterdir())) <= times:
            os.kill(os.getpid(), signal.SIGKILL)
    return "harmless"


def deadly(case, folder: Path, times: int):
    """The case with a covariate that kills."""
    folder.mkdir(exist_ok=True)
    changed = dataclasses.replace(case, covariates=dict(case.covariates))
    changed.covariates["site"] = Bomb(folder, times)
    return changed


@contextmanager
def endless_file(folder: Path) -> Iterator[Path]:
    """A file that ITK waits for, with the lock that all reads of its process need, to the end."""
    pipe = folder / "endless.nii"
    os.mkfifo(pipe)
    try:
        yield pipe
    finally:
        with suppress(OSError):  # nobody waits
            writer = os.open(pipe, os.O_WRONLY | os.O_NONBLOCK)
            pipe.unlink()
            os.close(writer)
        until_none_is_left_behind()


def until_none_is_left_behind() -> None:
    """Else later tests would work in another process, or find it."""
    while has_left_behind():
        time.sleep(0.01)
    while _PROCESSES:
        _PROCESSES.popitem()[1].shutdown()


def read_endless(pipe: Path) -> None:
    """Wait for it in ITK."""
    with suppress(RuntimeError):
        sitk.ReadImage(str(pipe))
