"""Kind of file at a path: only regular ones are opened, as pipes and devices may never answer."""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core.errors import RicenetError

_REMEDY = "Put the file itself there, and see that this user may read it."
_Error = TypeVar("_Error", bound=RicenetError)
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a named pipe"),
    (stat.S_ISSOCK, "a socket"),
    (stat.S_ISCHR, "a device"),
    (stat.S_ISBLK, "a device"),
)


def fault_of_file(path: Path) -> str:
    """Why a path is no regular file that can be read, in words; empty where it is one."""
    try:
        mode = path.stat().st_mode
    except OSError as error:
        return _unreached(path, error)
    except ValueError as error:  # a null character in the name
        return f"it has no name that a file can have: {error}"
    for is_such, name in _KINDS:
        if is_such(mode):
            return f"it is {name}, not a file"
    return "" if os.access(path, os.R_OK) else "this user may not read it"


def _unreached(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return "it is a symbolic link that leads back to itself"
    # Unlike the method of a path it takes names that are too long.
    if os.path.islink(path):  # noqa: PTH114
        return f"it is a symbolic link to nothing: {os.fspath(path.readlink())!r}"
    return f"it cannot be reached: {error.strerror}"


def is_missing(path: Path) -> bool:
    """Whether nothing has this name; a symbolic link has it, whatever it leads to."""
    try:
        path.lstat()
    except (FileNotFoundError, NotADirectoryError):
        return True
    except (
        OSError,
        ValueError,
    ):  # it cannot be determined, so it counts as a fault and not as none
        return False
    return False


def not_readable(
    kind: type[_Error], name: str, path: Path, why: OSError | str, remedy: str = _REMEDY
) -> _Error:
    """The error for a path which should be a regular file that this user may read.

    Args:
        kind: Class of the error.
        name: Name of the file's role, as the subject of a sentence.
        path: The file.
        why: Result of `fault_of_file`, or the error of opening it.
        remedy: Action that the user can take.
    """
    got = why if isinstance(why, str) else why.strerror or why
    what = f"{name} cannot be read."
    return kind(what, file=path, expected="a regular file", got=got, remedy=remedy)


def check_regular(path: Path) -> None:
    """Refuse to open what is no regular file.

    Raises:
        FileNotFoundError: Nothing has this name.
        OSError: It is a folder, a pipe, a socket or a device, a symbolic link to nothing, or it may
            not be read; the text says which.
    """
    fault = fault_of_file(path)
    if fault:
        number = errno.ENOENT if is_missing(path) else errno.EINVAL
        raise OSError(number, fault, str(path))


def opened(path: Path) -> BufferedReader:
    """A file, opened to read its bytes.

    Raises:
        FileNotFoundError: Nothing has this name.
        OSError: As `check_regular`, or it cannot be opened.
    """
    check_regular(path)
    return path.open("rb")


def read_bytes(path: Path) -> bytes:
    """The bytes of a file; raises as `opened` does."""
    with opened(path) as stream:
        return stream.read()
