"""Names that documents, tables and options bring along, and what of them may become a path.

`part` is the only way from such a name into a path. The same rule holds on every system, so that a
folder can be copied to another one.
"""

from __future__ import annotations

import re
from pathlib import Path, PureWindowsPath
from typing import Annotated

from pydantic import AfterValidator

from ricenet_v2.core.errors import NameInPathError

LONGEST = 200
"""Bytes of a name: with number, ending and the name of a temporary file, 255 are not passed."""
_LONGEST_FOLDER = 255
_NUMBER = re.compile("0|[1-9][0-9]{0,8}")
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9¹²³]|lpt[0-9¹²³]) *(\..*)?", re.IGNORECASE)
"""Windows reads and writes these instead of a file, in every folder and with any ending."""
_ALLOWED = (
    f"at most {LONGEST} bytes of letters, digits, signs and single blanks inside; no slash, "
    "backslash, drive or control character, no dot at the start or the end, and no device of "
    "Windows such as NUL or COM1"
)


def fault_of(name: str, longest: int = LONGEST) -> str:
    """Why a name cannot be one part of a path, in words; empty where it can."""
    if not name:
        return "it is empty"
    if is_path(name):
        return "it is a path, or leads out of its folder"
    if name.startswith(".") or name.endswith("."):  # which Windows leaves out
        return "it begins or ends with a dot"
    if _DEVICE.fullmatch(name):
        return "it is a device of Windows"
    if (fault := _fault_of_text(name)) or len(name.encode()) <= longest:
        return fault
    return f"it has {len(name.encode())} bytes, {longest} are allowed"


def is_path(name: str) -> bool:
    """Whether it is more than one part of a path, or leads out of a folder, on any system."""
    # Windows' rule, which knows slash, backslash and drives alike.
    return PureWindowsPath(name).name != name or "/" in name or name == ".."


def _fault_of_text(name: str) -> str:
    if name != name.strip():
        return "it begins or ends with a blank"
    return "" if name.isprintable() else "it holds a character that cannot be printed"


def part(name: str, what: str, file: Path | None = None, longest: int = LONGEST) -> str:
    """The name itself, which is one part of a path and nothing else.

    Args:
        name: Name from a document, a table, a command line, a folder.
        what: Kind of thing that is named, e.g. `plan`.
        file: File that holds the name, or folder in which it would be used.
        longest: Bytes that are allowed.

    Raises:
        NameInPathError: It leads elsewhere, is hidden, too long, or cannot be printed.
    """
    if fault := fault_of(name, longest):
        raise NameInPathError(
            f"The name of a {what} cannot be part of a path: {fault}.",
            file=file,
            expected=_ALLOWED,
            got=ascii(name[: 2 * LONGEST]),
            remedy=f"Give the {what} another name.",
        )
    return name


def folder_part(name: str, what: str) -> str:
    """Check as `part` does, for a folder whose name is put together from several names."""
    return part(name, what, longest=_LONGEST_FOLDER)


def shown(name: str) -> str:
    """The name without what a file of text cannot hold, for words about it."""
    return name.encode(errors="backslashreplace").decode()


def number(text: str) -> int | None:
    """The whole number that ASCII digits spell as Python prints it, below a billion; else None.

    Python takes other digits too, but not the `²` that it calls a digit, and no 5,000 of them.
    """
    return int(text) if _NUMBER.fullmatch(text) else None


def _checked(name: str, longest: int = LONGEST) -> str:
    if fault := fault_of(name, longest):
        raise ValueError(f"this name cannot be part of a path: {fault}. Expected {_ALLOWED}")
    return name


def _checked_relative(text: str) -> str:
    for each in text.split("/"):
        _checked(each, _LONGEST_FOLDER)
    return text


def _checked_folder(name: str) -> str:
    return _checked(name, _LONGEST_FOLDER)


def _checked_text(text: str) -> str:
    fault = _fault_of_text(text)
    if ".." in re.split(r"[/\\]", text):
        fault = "it leads out of its folder"
    if fault:
        raise ValueError(f"this name cannot be used: {fault}")
    return text


Name = Annotated[str, AfterValidator(_checked)]
"""Field of a record: a name that becomes one part of a path."""
FolderName = Annotated[str, AfterValidator(_checked_folder)]
"""Field of a record: the name of a folder, put together from several names."""
RelativePath = Annotated[str, AfterValidator(_checked_relative)]
"""Field of a record: a file in or below a folder, its parts joined by slashes."""
Title = Annotated[str, AfterValidator(_checked_text)]
"""Field of a record: a name that is shown and may hold slashes, but never becomes a path."""
