"""Text as users and their programs save it: UTF-8, with or without a byte order mark."""

from __future__ import annotations

import codecs
from collections.abc import Mapping

_FORMATS: Mapping[bytes, str] = {
    b"PK\x03\x04": "a spreadsheet (.xlsx, .ods) or another zip archive",
    b"\xd0\xcf\x11\xe0": "a workbook of an older Excel (.xls)",
    b"\x1f\x8b": "a file compressed by gzip",
    b"%PDF": "a PDF",
    codecs.BOM_UTF16_LE: "text in UTF-16",
    codecs.BOM_UTF16_BE: "text in UTF-16",
}
_SHOWN = 20


class NotTextError(ValueError):
    """Bytes are no UTF-8 text; the message says what they are instead."""


def decoded(content: bytes) -> str:
    """The text of a file in UTF-8; a byte order mark is skipped, line ends stay.

    Raises:
        NotTextError: Another encoding, another kind of file, or NUL bytes.
    """
    for start, kind in _FORMATS.items():
        if content.startswith(start):
            raise NotTextError(kind)
    if b"\0" in content:
        raise NotTextError(_with_nul(content))
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise NotTextError(_another_encoding(content, error.start)) from error


def _with_nul(content: bytes) -> str:
    # Every second byte of Latin letters in UTF-16 is 0.
    if 3 * content.count(0) > len(content):
        return "text in UTF-16, or no text"
    return (
        f"bytes of value 0 from line {_line_of(content, content.index(0))} on: no text, or damaged"
    )


def _another_encoding(content: bytes, at: int) -> str:
    start = max(content.rfind(end, 0, at) for end in (b"\n", b"\r")) + 1
    around = content[max(start, at - _SHOWN) : at + _SHOWN].splitlines()[0]
    read = around.decode("cp1252", errors="replace")
    return f"in line {_line_of(content, at)} another encoding (as Windows-1252 it reads {read!r})"


def _line_of(content: bytes, at: int) -> int:
    before = content[:at].replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    return before.count(b"\n") + 1


def is_text(name: str) -> bool:
    """Whether UTF-8 can hold it; names of files may have other bytes, which Python keeps apart."""
    return in_utf8(name) == name


def in_utf8(name: str) -> str:
    r"""A name of a file as text that any file can hold, its other bytes as `\udcff`."""
    return name.encode("utf-8", "backslashreplace").decode("utf-8")
