"""The text log of a fold: messages during its training, and the error that ends it."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from ricenet_v2.core.errors import RicenetError, TrainingError
from ricenet_v2.core.places import without_home
from ricenet_v2.core.regular import fault_of_file, is_missing
from ricenet_v2.training.job import Job


class _WithoutHome(logging.Formatter):
    """Logs are sent to others, and the name of the home folder may be that of a person."""

    def format(self, record: logging.LogRecord) -> str:
        """A line, or the lines of an error."""
        return without_home(super().format(record))


class _Log(logging.FileHandler):
    """A line that cannot be written, as on a full disk, ends no training."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is logging's
        """Leave the line out; other files that cannot be written give their own error."""
        if not isinstance(sys.exc_info()[1], OSError):
            super().handleError(record)


def _check_file(path: Path) -> None:
    """Refuse to write to anything but a file: a pipe would wait for a reader."""
    if not is_missing(path) and (fault := fault_of_file(path)):
        raise TrainingError(
            "The log of this fold cannot be written.",
            file=path,
            expected="a regular file, or none",
            got=fault,
            remedy="Move it away, and run the same command with --continue.",
        )


class _ToParents(logging.Handler):
    """Hands records on to the loggers above, which a script may have set up."""

    def emit(self, record: logging.LogRecord) -> None:
        """Hand on a record."""
        logging.getLogger().callHandlers(record)


@contextmanager
def _at_info(package: logging.Logger) -> Iterator[None]:
    """Let the package log at INFO, of which the loggers above get no more than before."""
    if package.isEnabledFor(logging.INFO):
        yield
        return
    level, onward = package.level, _ToParents(package.getEffectiveLevel())
    package.setLevel(logging.INFO)
    package.addHandler(onward)
    propagates, package.propagate = package.propagate, False
    try:
        yield
    finally:
        package.propagate = propagates
        package.removeHandler(onward)
        package.setLevel(level)


@contextmanager
def logged(job: Job) -> Iterator[None]:
    """Write what is logged inside the block to the fold's log, in the leading process.

    An error that ends the block is written there too, with its traceback where it is unexpected.

    Raises:
        TrainingError: The log is no regular file.
    """
    with job.process_group.agreed():
        if job.process_group.leads:
            _check_file(job.paths.log)
    if not job.process_group.leads:
        yield
        return
    handler = _Log(job.paths.log, encoding="utf-8")
    handler.setFormatter(_WithoutHome("%(asctime)s %(message)s"))
    root = logging.getLogger("ricenet_v2")
    root.addHandler(handler)
    try:
        with _at_info(root):
            yield
    except Exception as error:
        foreseen = isinstance(error, RicenetError)
        text = str(error) if foreseen else "".join(traceback.format_exception(error))
        # To the file alone: the command shows it to the user.
        handler.handle(logging.makeLogRecord({"msg": text.rstrip(), "levelno": logging.ERROR}))
        raise
    finally:
        root.removeHandler(handler)
        with suppress(OSError):  # the disk is full
            handler.close()
