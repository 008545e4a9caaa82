"""A table as people save it: any separator and encoding, and what of both was understood."""

from __future__ import annotations

import codecs
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.regular import not_readable, read_bytes
from ricenet_v2.core.spelling import composed
from ricenet_v2.records.cells import with_points
from ricenet_v2.store.spreadsheets import fitted
from ricenet_v2.store.table_faults import check_columns, check_fit, used_columns

_SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "vertical bars"}
_MARKS = {
    codecs.BOM_UTF8: ("utf-8-sig", "UTF-8 with a byte order mark"),
    codecs.BOM_UTF16_LE: ("utf-16", "UTF-16"),
    codecs.BOM_UTF16_BE: ("utf-16", "UTF-16"),
}
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True)
class AnyTable:
    """A table as it was read.

    Attributes:
        columns: Names, in their order.
        rows: Cells by column; numbers have decimal points, texts the composed Unicode normal form.
        notes: Interpretation in words, if it is not that of a plain CSV file.
    """

    columns: tuple[str, ...]
    rows: tuple[dict[str, str], ...]
    notes: tuple[str, ...]


def read_any_table(path: Path, names: Sequence[str] = ()) -> AnyTable:
    """Read a table with a header, whatever its separator and encoding.

    Args:
        path: Path of the table.
        names: Columns that hold names and no numbers, though these may look like numbers.

    Raises:
        DatasetError: Missing, a workbook, empty, no text, or no table.
    """
    try:
        content = read_bytes(path)
    except FileNotFoundError as error:
        raise DatasetError("There is no such table.", file=path) from error
    except OSError as error:
        raise not_readable(DatasetError, "This table", path, error) from error
    if content.startswith(_WORKBOOKS):
        raise DatasetError(
            "This table is a workbook of a spreadsheet program.",
            file=path,
            expected="a text: CSV, or a table separated by semicolons or tabs",
            remedy="Save it as CSV in UTF-8 (in Excel: CSV UTF-8, comma delimited).",
        )
    text, encoding = _text_of(content, path)
    lines = [line for line in text.splitlines() if line.strip()]
    lines = lines[1:] if lines and lines[0].lower().lstrip('"').startswith("sep=") else lines
    if not lines:
        raise DatasetError("This table is empty.", file=path, expected="a header line")
    separator = max(_SEPARATORS, key=lambda sign: _n_cells(lines, sign))
    cells = _cells("\n".join(lines), separator, path)
    header = [composed(name.strip()) for name in cells[0]]
    rows = [(number, fitted(row, len(header))) for number, row in enumerate(cells[1:], 2)]
    check_fit(header, rows, path)
    used = used_columns(header, rows)
    columns = tuple(header[at] for at in used)
    check_columns(columns, path)
    notes = [f"{path.name} is {encoding}"] if encoding != "UTF-8" else []
    if separator != ",":
        notes.append(f"{path.name} is separated by {_SEPARATORS[separator]}")
    by_column = {}
    for at in used:
        column = [composed(row[at].strip()) for _, row in rows]
        points = None if header[at] in names else with_points(column)
        if points is not None and points != column:
            notes.append(f"the commas in {header[at]} are read as {_meaning(column, points)}")
        by_column[header[at]] = points or column
    return AnyTable(
        columns,
        tuple({name: by_column[name][n] for name in columns} for n in range(len(rows))),
        tuple(notes),
    )


def _meaning(before: Sequence[str], after: Sequence[str]) -> str:
    old, new = next((a, b) for a, b in zip(before, after, strict=True) if a != b)
    return f"those of numbers ({old} is {new})"


def _text_of(content: bytes, path: Path) -> tuple[str, str]:
    """The text and its encoding in words."""
    for mark, (codec, name) in _MARKS.items():
        if content.startswith(mark):
            return _decoded(content, codec, path), name
    if content[1:2] == b"\0" or content[:1] == b"\0":
        codec = "utf-16-le" if content[1:2] == b"\0" else "utf-16-be"
        return _decoded(content, codec, path), "UTF-16 without a byte order mark"
    try:
        return content.decode("utf-8"), "UTF-8"
    except UnicodeDecodeError:
        if b"\0" in content:
            raise _no_text(path) from None
    try:
        return content.decode("cp1252"), "Windows-1252 (Latin-1)"
    except UnicodeDecodeError:
        return content.decode("latin-1"), "Latin-1"


def _decoded(content: bytes, codec: str, path: Path) -> str:
    try:
        return content.decode(codec)
    except UnicodeDecodeError as error:
        raise _no_text(path) from error


def _no_text(path: Path) -> DatasetError:
    return DatasetError(
        "This table is not a text file.",
        file=path,
        expected="text in UTF-8, UTF-16 or Latin-1",
        remedy="Save it as CSV in UTF-8.",
    )


def _n_cells(lines: Sequence[str], separator: str) -> tuple[int, int]:
    """Lines with as many cells as the header, of those separators that divide it; and the cells."""
    try:
        cells = [len(row) for row in csv.reader(lines[:50], delimiter=separator)]
    except csv.Error:
        return 0, 0
    return (sum(n == cells[0] for n in cells), cells[0]) if cells and cells[0] > 1 else (0, 1)


def _cells(text: str, separator: str, path: Path) -> list[list[str]]:
    try:
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True))
    except csv.Error as error:
        raise DatasetError(
            "This table cannot be read.",
            file=path,
            got=error,
            remedy="Look for a quote that is not closed.",
        ) from error
