"""Archives among the files of an export: patients in them would be missed without a word."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core.regular import opened

FAULT = "This is an archive: unpack it."
_TAR_AT, _START = 257, 512
_STARTS = (
    b"PK\x03\x04",
    b"PK\x05\x06",
    b"\x1f\x8b",
    b"BZh",
    b"\xfd7zXZ\0",
    b"7z\xbc\xaf\x27\x1c",
    b"Rar!",
)
_FIRST_NAME = 30
_DOCUMENTS = (b"[Content_Types]", b"_rels/", b"docProps/", b"mimetype", b"META-INF/")
"""First files of documents of office programs and of programs, which are archives too."""


def is_archive(file: Path) -> bool:
    """Whether a file holds other files, packed; a document of an office program does not count."""
    try:
        with opened(file) as stream:
            start = stream.read(_START)
    except OSError:  # it is gone by now
        return False
    if start[_TAR_AT : _TAR_AT + 5] == b"ustar":
        return True
    inner = start[_FIRST_NAME:]
    is_document = inner.startswith(_DOCUMENTS) or b".npy" in inner[:64]
    return start.startswith(_STARTS) and not (start.startswith(b"PK") and is_document)
