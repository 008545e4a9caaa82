"""The text log of a fold: what is said while it is trained, and the error that ends it.

A fold is trained by one process (or one team) at a time: the one that holds the lock of this file.
"""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from ricenet_v2.core.errors import RicenetError, TrainingError
from ricenet_v2.training.job import Job

if sys.platform != "win32":
    import fcntl


@contextmanager
def logged(job: Job) -> Iterator[None]:
    """Write what is logged inside the block to the fold's log, in the leading process.

    An error that ends the block is written there too, with its traceback where nobody foresaw it.

    Raises:
        TrainingError: Another process trains the fold.
    """
    if not job.team.leads:
        yield
        return
    job.paths.folder.mkdir(parents=True, exist_ok=True)
    with job.paths.log.open("a", encoding="utf-8") as stream:
        if not _locked(stream):
            raise TrainingError(
                f"Fold {job.fold} is being trained by another process.",
                file=job.paths.folder,
                expected="one process for a fold",
                remedy="Wait for it, or stop it; --continue then goes on from its last epoch.",
            )
        with _written(stream):
            yield


@contextmanager
def _written(stream: IO[str]) -> Iterator[None]:
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(asctime)s %(message)s"))
    root = logging.getLogger("ricenet_v2")
    root.addHandler(handler)
    try:
        yield
    except Exception as error:
        foreseen = isinstance(error, RicenetError)
        told = str(error) if foreseen else "".join(traceback.format_exception(error))
        # To the file alone: the command tells it to the user.
        handler.handle(logging.makeLogRecord({"msg": told.rstrip(), "levelno": logging.ERROR}))
        raise
    finally:
        root.removeHandler(handler)


def _locked(stream: IO[str]) -> bool:
    """Whether this process now holds the file; true, too, where no lock can be had at all.

    A lock of POSIX belongs to one process: forked workers do not inherit it, so that it ends with
    the process however that ends, and a fold can be gone on with at once.
    """
    if sys.platform == "win32":
        return True
    try:
        fcntl.lockf(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError:  # a file system without locks
        return True
    return True
