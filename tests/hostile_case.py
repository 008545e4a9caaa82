"""A case whose process is killed as soon as it gets the case, as if memory were short."""

import dataclasses
import multiprocessing
import os
import signal
from pathlib import Path


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
