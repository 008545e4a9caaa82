"""Tables that a cohort is published with, whose columns are checked before a cell is used."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.cohorts.record import CohortTable
from ricenet_v2.store.tables import read_table

_ENDINGS = (".csv", ".tsv", ".xlsx")
"""A text wins over a workbook: a person saved it."""


def find_table(folder: Path, table: CohortTable) -> Path:
    """The file of a table, in a folder or in one directly below it.

    Raises:
        DatasetError: There is none.
    """
    files = [*folder.glob("*"), *folder.glob("*/*")]
    for ending in _ENDINGS:
        for name in table.names:
            fitting = [
                file
                for file in files
                if file.suffix.lower() == ending and fnmatch(_plain(file.stem), _plain(name))
            ]
            if fitting:
                return max(fitting, key=lambda file: _plain(file.stem))
    raise DatasetError(
        "A table of this cohort is missing.",
        file=folder,
        expected=f"{' or '.join(table.names)}, ending in {', '.join(_ENDINGS)}",
        got="no such file in this folder, nor in a folder directly below it",
        remedy="Download it from the page of the cohort (documentation/cohorts.md), and name its "
        "folder with --tables.",
    )


def read_cohort_table(file: Path, table: CohortTable) -> list[dict[str, str]]:
    """Cells by the names that the cohort gives to the columns, and by those of other columns.

    Raises:
        DatasetError: It cannot be read, or a column is missing, which is named.
    """
    titles, rows = _workbook(file, table) if file.suffix.lower() == ".xlsx" else _text(file)
    used = {alias: _column(titles, title) for alias, title in table.columns.items()}
    missing = [table.columns[alias] for alias, title in used.items() if title is None]
    if missing:
        raise DatasetError(
            "A table of this cohort has other columns than were published.",
            file=file,
            expected=", ".join(missing),
            got=", ".join(titles),
            remedy="The cohort may have changed since, or this is another table or sheet. Rename "
            "the columns if you know that they mean the same.",
        )
    return [
        row | {alias: row[title] for alias, title in used.items() if title is not None}
        for row in rows
    ]


def _plain(name: str) -> str:
    return "_".join(name.casefold().replace("-", " ").replace("_", " ").split())


def _column(titles: Sequence[str], wanted: str) -> str | None:
    """The title of a column, whatever its blanks and capitals are."""
    pattern = " ".join(wanted.casefold().split())
    fitting = [
        title
        for title in titles
        if (plain := " ".join(title.casefold().split())) == pattern
        or (pattern.endswith("*") and plain.startswith(pattern[:-1]))
    ]
    return fitting[0] if len(fitting) == 1 else None


def _text(file: Path) -> tuple[Sequence[str], list[dict[str, str]]]:
    table = read_table(file, of_spreadsheet=True)
    return table.columns, table.rows


def _workbook(file: Path, table: CohortTable) -> tuple[Sequence[str], list[dict[str, str]]]:
    sheet = f"the sheet {table.sheet!r}" if table.sheet else "its first sheet"
    try:
        import openpyxl
    except ImportError:
        raise DatasetError(
            "This table is a workbook.",
            file=file,
            expected="a table as text, or the package openpyxl, which reads workbooks",
            remedy=f"Save {sheet} as CSV under the same name beside it, or pip install openpyxl.",
        ) from None
    try:
        book = openpyxl.load_workbook(file, read_only=True, data_only=True)
        names = [name for name in book.sheetnames if _plain(name) == _plain(table.sheet)]
        lines = list(book[(names or book.sheetnames)[0]].iter_rows(values_only=True))
    except Exception as error:
        raise DatasetError(
            "This workbook cannot be read.",
            file=file,
            expected=f"an Excel workbook with {sheet}",
            got=type(error).__name__,
            remedy=f"Save {sheet} as CSV under the same name beside it.",
        ) from error
    titles = [_cell(value) for value in lines[0]] if lines else []
    rows = [dict(zip(titles, map(_cell, line), strict=False)) for line in lines[1:] if any(line)]
    return [title for title in titles if title], rows


def _cell(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    if isinstance(value, date):  # a time of day does not matter
        return f"{value:%Y-%m-%d}"
    return "" if value is None else str(value).strip()
