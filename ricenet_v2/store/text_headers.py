"""Headers of text, of MetaImage and NRRD, split into fields as their readers split them.

A field that stands twice, or a line that is no field, is refused: readers differ in what they make
of either, and MetaIO drops the line behind one that is no field.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.regular import opened

LONGEST_HEADER = 1 << 20
_META_FIELD = re.compile(r"([^=:]+?)\s*[=:][=:\s]*(.*)")
_META_LAST = "ElementDataFile"


@dataclass(frozen=True)
class TextHeader:
    """A header of text.

    Attributes:
        fields: Values by the names of fields; of NRRD in small letters and without blanks.
        end: Bytes before the voxels in the same file; none where the header does not end.
    """

    fields: dict[str, str]
    end: int | None


def head(path: Path, n: int = 4096) -> bytes:
    """The first bytes of a file."""
    with opened(path) as stream:
        return stream.read(n)


def meta_header(path: Path) -> TextHeader:
    """The header of a MetaImage file, up to `ElementDataFile`; names as they are written.

    Raises:
        ValueError: A line is no field, a field stands twice, or the last field is missing.
        OSError: The file cannot be read.
    """
    fields: dict[str, str] = {}
    end = 0
    for line in head(path, LONGEST_HEADER).split(b"\n"):
        end += len(line) + 1
        text = line.decode("latin-1").strip()
        if not text:
            continue
        parts = _META_FIELD.fullmatch(text)
        if parts is None or "\r" in text:
            raise ValueError(f"a line of its header is no field: {text[:40]!r}")
        _add(fields, parts[1], parts[2])
        if parts[1] == _META_LAST:
            return TextHeader(fields, end)
    raise ValueError(f"its header has no {_META_LAST}")


def nrrd_header(path: Path) -> TextHeader:
    """The header of a NRRD file, up to an empty line; remarks (`#`, `:=`) are left out.

    Raises:
        ValueError: A field stands twice.
        OSError: The file cannot be read.
    """
    fields: dict[str, str] = {}
    end = 0
    for line in head(path, LONGEST_HEADER).split(b"\n"):
        end += len(line) + 1
        text = line.decode("latin-1").rstrip("\r")
        if not text:
            return TextHeader(fields, end)
        name, sign, value = text.partition(": ")
        if sign and not name.startswith("#") and ":=" not in name:
            _add(fields, name.strip().lower().replace(" ", ""), value.strip())
    return TextHeader(fields, None)


def _add(fields: dict[str, str], name: str, value: str) -> None:
    if name in fields:
        raise ValueError(f"its header has the field {name} twice: {fields[name]!r} and {value!r}")
    fields[name] = value
