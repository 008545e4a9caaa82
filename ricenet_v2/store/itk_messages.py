"""Messages of ITK on a file apart from its errors.

It writes to stderr by itself, from C++, in the midst of tables and progress bars, and not always
with the file that it is about. Here it goes to Python's log.
"""

from __future__ import annotations

import functools
import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import SimpleITK as sitk

logger = logging.getLogger(__name__)

_JUDGED = (
    "unexpected scales in sform",  # store/nifti_pose.py
    "is Analyze file",
    "Unsupported or empty metaData item",  # of the text fields of another format
)
"""Parts of messages about what this program judges itself, or needs not."""
_HERE = threading.local()


@contextmanager
def messages_of(path: Path) -> Iterator[None]:
    """Log what ITK says in this thread as said of a file.

    What this program judges itself is for those who debug.
    """
    _route()
    before = getattr(_HERE, "path", None)
    _HERE.path = path
    try:
        yield
    finally:
        _HERE.path = before


def _log(text: str) -> None:
    path = getattr(_HERE, "path", None)
    if path is None:  # of somebody else's image
        sys.stderr.write(text)
        return
    level = logging.DEBUG if any(part in text for part in _JUDGED) else logging.WARNING
    # Behind the place in ITK's source, and its object with the address.
    message = text.rpartition("): ")[2].strip()
    logger.log(level, "%s: ITK says: %s", path, message)


class _Messages(sitk.LoggerBase):  # type: ignore[misc]
    """Receives messages; the names are those of ITK, which comes without types."""

    def DisplayText(self, text: str) -> None:  # noqa: N802
        _log(text)

    def DisplayWarningText(self, text: str) -> None:  # noqa: N802
        _log(text)

    def DisplayErrorText(self, text: str) -> None:  # noqa: N802
        _log(text)

    def DisplayGenericOutputText(self, text: str) -> None:  # noqa: N802
        _log(text)

    def DisplayDebugText(self, text: str) -> None:  # noqa: N802
        logger.debug("%s", text)


@functools.cache
def _route() -> _Messages:
    messages = _Messages()
    messages.SetAsGlobalITKLogger()
    return messages
