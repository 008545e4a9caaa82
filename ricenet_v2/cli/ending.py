"""End of a command: its error message and its exit code."""

from __future__ import annotations

import errno
import os
import shutil
import signal
import tempfile
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

from ricenet_v2.core.device_faults import has_lost_device, lacks_device_memory, lost_device
from ricenet_v2.core.errors import KilledError, LateError, RicenetError, StoppedError
from ricenet_v2.core.files import NO_ROOM

OK, SOME_FAILED, UNUSABLE = 0, 1, 2
_SHORT_OF_DEVICE = (
    "Plan for less with ricenet_plan_and_preprocess --gpu_memory_gb, train with a smaller "
    "--set batch_size=... or without cases on the device (--device_cache_gb 0), or free the device."
)
_SHORT_OF_MEMORY = (
    "End other programs, or take less at a time: fewer processes (--num_workers 1), less memory "
    "for cases (--cache_gb 1), a smaller --set batch_size=... Then run the same command again "
    "(ricenet_train and ricenet_predict with --continue): what was finished is on disk."
)
_NO_ROOM = (
    "Make room there (in a container /dev/shm grows with --shm-size), or train with --num_workers "
    "0, which needs no shared memory. Then run the same command again: what was finished is on "
    "disk."
)
_CLOSED = (
    "This user has no permission to write there. Grant it, or choose another "
    "folder with --workspace or -o. Then run the same command again."
)
_SYSTEM = (
    "The system refused this. Resolve what the line above names, then run the same command again: "
    "what was finished is on disk."
)
_SPELLING = (
    "The locale of this shell cannot spell a name. Set LC_ALL=C.UTF-8 or PYTHONUTF8=1 and run the "
    "command again."
)
_LOST = "The device failed; this process cannot continue with it."
_REPORT = (
    "This is a fault of this program or of a library that it uses. Please report it with the lines "
    "above. What was finished is on disk."
)
_AGAIN = "Run the same command again to resume; ricenet_train and ricenet_predict with --continue."
_LITTLE = 1 << 20  # bytes
_MAY_NOT = (errno.EROFS, errno.EACCES, errno.EPERM)
# Neither torch, oneDNN, the loader of libraries nor threads have a type of their own for the memory
# of the machine.
_OF_MEMORY = (
    *("DefaultCPUAllocator", "not enough memory", "could not create a primitive"),
    *("failed to map segment from shared object", "can't start new thread"),
)


def code_of(error: BaseException) -> int:
    """The exit code of a command that ends so."""
    if isinstance(error, (KeyboardInterrupt, KilledError, LateError, StoppedError)):
        return SOME_FAILED
    return UNUSABLE


def text_of(error: BaseException) -> str:
    """The message for the user; a traceback only of an unexpected error."""
    if isinstance(error, RicenetError):
        return f"Error: {error}"
    if isinstance(error, KeyboardInterrupt):
        return f"Interrupted{_by(error)}. {_AGAIN}"
    if has_lost_device(error):
        return f"Error: {lost_device(error, _LOST)}"
    name = f"Error: {type(error).__name__}: {error}"
    if remedy := _remedy(error):
        return f"{name}\n  what to do: {remedy}"
    trace = "".join(traceback.format_exception(error))
    return f"{trace}\n{name}\n  what to do: {_REPORT}"


def _remedy(error: BaseException) -> str:
    """Remedy for a machine that lacks something; empty for other errors."""
    if isinstance(error, UnicodeEncodeError):
        return _SPELLING
    if lacks_device_memory(error):
        return _SHORT_OF_DEVICE
    number = getattr(error, "errno", None)
    is_reported = any(sign in str(error) for sign in _OF_MEMORY)
    if isinstance(error, MemoryError) or number == errno.ENOMEM or is_reported:
        return _SHORT_OF_MEMORY
    if number in NO_ROOM or "No space left on device" in str(error):
        return f"{_NO_ROOM} {_full_places()}".strip()
    if number in _MAY_NOT:
        return _CLOSED
    return _SYSTEM if isinstance(error, OSError) else ""


def _full_places() -> str:
    """Folders of the system that have no room, which an error often does not name."""
    full = []
    for place in (Path(), Path(tempfile.gettempdir()), Path("/dev/shm")):  # noqa: S108 - only looked at
        with suppress(OSError):
            free = shutil.disk_usage(place).free
            full += [f"{place.absolute()} ({free:,} bytes free)"] if free < _LITTLE else []
    return f"Full: {', '.join(full)}." if full else ""


class _TerminatedError(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does: what is begun is put away in order."""


def _by(error: KeyboardInterrupt) -> str:
    return " by SIGTERM" if isinstance(error, _TerminatedError) else ""


@contextmanager
def by_signals() -> Iterator[None]:
    """Let SIGTERM end the block as Ctrl-C does, in the main thread; not in forked children."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(_number: int, _frame: FrameType | None) -> None:
    raise _TerminatedError


def _end_at_once_in_child() -> None:
    if signal.getsignal(signal.SIGTERM) is _end:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_end_at_once_in_child)
