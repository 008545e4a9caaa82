"""CSV tables, written atomically, read as text."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import write_text


def read_rows(path: Path) -> list[dict[str, str]]:
    """Rows of a CSV file with a header, cells stripped of outer blanks.

    Raises:
        DatasetError: Missing, empty, not UTF-8, or a row with more or fewer cells than the header.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError as error:
        raise DatasetError("There is no such table.", file=path) from error
    except UnicodeDecodeError as error:
        raise DatasetError(
            "This table is not UTF-8 text.", file=path, remedy="Save it as CSV in UTF-8."
        ) from error
    lines = [line for line in csv.reader(io.StringIO(text)) if line]
    if not lines:
        raise DatasetError("This table is empty.", file=path, expected="a header line")
    header = [name.strip() for name in lines[0]]
    rows = []
    for number, line in enumerate(lines[1:], start=2):
        if len(line) != len(header):
            raise DatasetError(
                f"Row {number} does not fit the header.",
                file=path,
                expected=f"{len(header)} cells: {', '.join(header)}",
                got=f"{len(line)} cells: {', '.join(line)}",
                remedy="Separate cells by commas and quote cells that contain one.",
            )
        rows.append({name: cell.strip() for name, cell in zip(header, line, strict=True)})
    return rows


def write_rows(
    path: Path, rows: Sequence[Mapping[str, object]], columns: Sequence[str] | None = None
) -> None:
    """Write rows that share their columns; floats keep all digits.

    Args:
        path: Of the table.
        rows: By column.
        columns: Those of the first row where None; name them where there may be no row.
    """
    stream = io.StringIO()
    if columns is None:
        columns = list(rows[0]) if rows else []
    writer = csv.DictWriter(stream, fieldnames=columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, stream.getvalue())
