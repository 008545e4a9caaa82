"""CSV tables, written atomically, read as text.

A spreadsheet takes a cell that begins with `=`, `+`, `-`, `@`, a tab or a line end for a formula.
Such a text is written with an apostrophe before it, and read without. Numbers are left as they are.
Where decimals have a comma, a spreadsheet ends cells at semicolons, or tabs, and does not see
quotes inside of its cells; so the same holds for what follows a semicolon, a tab or a line end.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import write_text
from ricenet_v2.core.regular import not_readable, read_bytes
from ricenet_v2.core.text import NotTextError, decoded
from ricenet_v2.records.cells import with_points
from ricenet_v2.store.spreadsheets import fitted, separator_of
from ricenet_v2.store.table_faults import (
    Line,
    check_columns,
    check_fit,
    check_separator,
    used_columns,
)

# The wide forms of the four signs are signs to a spreadsheet too.
_FORMULA = re.compile(r"'*(\s*[=+\-@\uff1d\uff0b\uff0d\uff20]|[\t\r\n])")
_INNER = re.compile(r"['\"\s]*[=+\-@\uff1d\uff0b\uff0d\uff20]")
_NAMES = {"case_id", "patient_id", "label", "predicted", "split"}
"""Columns that hold names, though these may look like numbers."""
_ENDS = re.compile("([;\t\r\n])")
_NUMBER = re.compile(r"[+-]?(([0-9]+\.?[0-9]*|\.[0-9]+)(e[+-]?[0-9]+)?|inf|nan)", re.IGNORECASE)


def escaped(text: str) -> str:
    """A text as it stands in a cell: no spreadsheet takes it for a formula."""
    return _escaped_start(_in_parts(text, _escaped_part))


def unescaped(cell: str) -> str:
    """The text of a cell; only what `escaped` put into it is taken away."""
    return _in_parts(_without(cell, _escaped_start), lambda part: _without(part, _escaped_part))


def _escaped_start(text: str) -> str:
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def _escaped_part(text: str) -> str:
    is_formula = _INNER.match(text) and not _NUMBER.fullmatch(text.strip())
    return f"'{text}" if is_formula else text


def _without(text: str, escape: Callable[[str], str]) -> str:
    return text[1:] if text[:1] == "'" and escape(text[1:]) == text else text


def _in_parts(text: str, change: Callable[[str], str]) -> str:
    """The text with each part changed that follows a character at which a cell may end."""
    first, *others = _ENDS.split(text)
    return first + "".join(part if at % 2 == 0 else change(part) for at, part in enumerate(others))


@dataclass(frozen=True)
class CsvTable:
    """A CSV file as it was read.

    Attributes:
        file: File of the table.
        columns: Names, in their order.
        rows: Cells by column.
        lines: Number of the line in the file that each row begins in.
    """

    file: Path
    columns: tuple[str, ...]
    rows: list[dict[str, str]]
    lines: tuple[int, ...]


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header, cells stripped of outer blanks; see `read_table`."""
    return read_table(path).rows


def read_table(path: Path, *, of_spreadsheet: bool = False) -> CsvTable:
    """Read a CSV file with a header; blank lines and columns without name and cells are left out.

    Numbers with decimal commas become numbers with decimal points, see `records.cells.with_points`.

    Args:
        path: Path of the table.
        of_spreadsheet: Whether cells may be separated by semicolons or tabs, and empty cells at
            the end of a line be left out: as a spreadsheet program saved it.

    Raises:
        DatasetError: Missing, no regular file, empty, not UTF-8 text, not separated by commas, a
            quote that is not closed, columns that share a name or have none, or a row with more or
            fewer cells than the header.
    """
    lines = _lines(path, of_spreadsheet)
    if not lines:
        raise DatasetError("This table is empty.", file=path, expected="a header line")
    (_, first), *others = lines
    names = [_text(name) for name in first]
    if of_spreadsheet:
        others = [(number, fitted(cells, len(names))) for number, cells in others]
    check_fit(names, others, path)
    used = used_columns(names, others)
    columns = tuple(names[at] for at in used)
    check_columns(columns, path)
    cells = {names[at]: _column(names[at], [_text(line[at]) for _, line in others]) for at in used}
    rows = [{name: cells[name][at] for name in columns} for at in range(len(others))]
    return CsvTable(path, columns, rows, tuple(number for number, _ in others))


def _column(name: str, cells: list[str]) -> list[str]:
    """Cells of a column; numbers have decimal points, however a program or a person wrote them."""
    if name.lower() in _NAMES or not any("," in cell for cell in cells):
        return cells
    return with_points(cells) or cells


def _text(cell: str) -> str:
    return unescaped(cell.strip())


def _lines(path: Path, of_spreadsheet: bool) -> list[Line]:
    """Cells of the lines that are not blank, and where these begin."""
    try:
        # Not as text: that would change line ends inside of cells.
        text = decoded(read_bytes(path))
    except FileNotFoundError as error:
        raise DatasetError("There is no such table.", file=path) from error
    except OSError as error:
        raise not_readable(DatasetError, "This table", path, error) from error
    except NotTextError as error:
        raise DatasetError(
            "This table is not UTF-8 text.",
            file=path,
            expected="CSV: text in UTF-8, cells separated by commas",
            got=error,
            remedy="Save it as CSV in UTF-8 (in Excel: CSV UTF-8, comma delimited).",
        ) from error
    separator, begin = separator_of(text) if of_spreadsheet else (",", 1)
    if not of_spreadsheet:
        check_separator(text, path)
    # Strict: a quote that is not closed would swallow the lines below it.
    stream = io.StringIO(text, newline="")
    before = len([stream.readline() for _ in range(begin - 1)])
    reader = csv.reader(stream, strict=True, delimiter=separator)
    lines = []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells):
                lines.append((begin, cells))
            begin = before + reader.line_num + 1
    except csv.Error as error:
        raise DatasetError(
            f"Line {begin} of this table cannot be read.",
            file=path,
            expected=f"cells of at most {csv.field_size_limit():,} characters, separated by "
            "commas; a quote at the start of a cell is closed at its end",
            got=error,
            remedy="Shorten the cell, or look for a quote that is not closed there or before.",
        ) from error
    return lines


def write_rows(
    path: Path,
    rows: Sequence[Mapping[str, object]],
    columns: Sequence[str] | None = None,
    *,
    is_private: bool = False,
) -> None:
    """Write rows that share their columns; floats keep all digits.

    Args:
        path: Path of the table.
        rows: Cells of each row, by column.
        columns: Columns of the table; those of the first row where None; required if there may be
            no row.
        is_private: Whether its owner alone may read it, see `core.files.replacing`.
    """
    if columns is None:
        columns = list(rows[0]) if rows else []
    cells = [[escaped(name) for name in columns]]
    for row in rows:
        if beyond := set(row) - set(columns):
            raise ValueError(f"no columns for {', '.join(sorted(beyond))}")
        cells.append([_cell(row.get(name)) for name in columns])
    write_text(path, _csv(cells), is_private=is_private)


def _cell(value: object) -> str:
    if value is None:
        return ""
    return escaped(value) if isinstance(value, str) else str(value)


def _csv(cells: Sequence[Sequence[str]]) -> str:
    # Older versions of Python leave a carriage return without quotes, and cannot read that.
    has_returns = any("\r" in cell for line in cells for cell in line)
    stream = io.StringIO(newline="")
    writer = csv.writer(
        stream,
        lineterminator="\n",
        quoting=csv.QUOTE_ALL if has_returns else csv.QUOTE_MINIMAL,
    )
    writer.writerows(cells)
    return stream.getvalue()
