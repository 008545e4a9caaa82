"""Faults of a CSV table: another separator, columns that cannot be distinguished, ragged rows."""

from __future__ import annotations

import csv
import re
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.spelling import as_file

Line = tuple[int, list[str]]
"""Number of a line in the file, and its cells."""

_SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "vertical bars", " ": "blanks"}
_OF_EXCEL = re.compile(r"\s*\"?sep=(.?)\"?\s*", re.IGNORECASE)
_OF_CLASSES = "prob_"
_MOST_SHOWN, _LONGEST = 200, 10_000
_SAVE_WITH_COMMAS = (
    "Save it with commas: LibreOffice asks for the field delimiter when it saves CSV; Excel takes "
    "the list separator of the system's region. Numbers need a decimal point (60.5, not 60,5)."
)


def check_separator(text: str, file: Path) -> None:
    """Refuse a table whose cells are not separated by commas, as its header shows.

    Raises:
        DatasetError: Semicolons, tabs, vertical bars or blanks, or a first line `sep=`.
    """
    header = next((line for line in text.splitlines() if line.strip()), "")
    if _OF_EXCEL.fullmatch(header):
        raise DatasetError(
            "The first line of this table is a note of Excel, not a header.",
            file=file,
            expected="the names of the columns, separated by commas",
            got=header.strip(),
            remedy="Delete this line" + ("." if "," in header else f"; then: {_SAVE_WITH_COMMAS}"),
        )
    first, *others = next(csv.reader([header[:_LONGEST]]), []) or [""]
    for sign, separators in _SEPARATORS.items():
        # A name may hold such a sign, but a header separated by it has more of them than commas.
        if header.count(sign) > len(others) and sign in first.strip():
            raise DatasetError(
                f"This table is separated by {separators}, not by commas.",
                file=file,
                expected="columns separated by commas",
                got=header[:_MOST_SHOWN],
                remedy=_SAVE_WITH_COMMAS,
            )


def check_fit(names: Sequence[str], lines: Sequence[Line], file: Path) -> None:
    """Every line has as many cells as the header.

    Raises:
        DatasetError: For all lines that do not.
    """
    ragged = [(number, cells) for number, cells in lines if len(cells) != len(names)]
    if not ragged:
        return
    number, cells = ragged[0]
    more = f" (nor do {len(ragged) - 1:,} others)" if len(ragged) > 1 else ""
    raise DatasetError(
        f"Line {number} of this table does not fit the header{more}.",
        file=file,
        expected=f"{len(names)} cells: {', '.join(names)}",
        got=f"{len(cells)} cells: {', '.join(cells)[:_MOST_SHOWN]}",
        remedy="Separate cells by commas, quote cells that contain one, and write numbers with a "
        "decimal point.",
    )


def used_columns(names: Sequence[str], lines: Sequence[Line]) -> list[int]:
    """Indices of columns but those without name and cells, which spreadsheets append."""
    return [
        at for at, name in enumerate(names) if name or any(cells[at].strip() for _, cells in lines)
    ]


def check_columns(names: Sequence[str], file: Path) -> None:
    """Every column has a name of its own.

    Columns of probabilities may differ in capitals alone, as their classes may.

    Raises:
        DatasetError: A name is empty, occurs twice, or differs from another in capitals alone.
    """
    if "" in names:
        at = names.index("") + 1
        raise DatasetError(
            f"Column {at} of this table has cells but no name.",
            file=file,
            expected="a name for each column",
            got=", ".join(name or "(no name)" for name in names),
            remedy="Name the column, or delete it. pandas writes such a column unless it is "
            "given index=False: to_csv(..., index=False).",
        )
    by_file_name = defaultdict(list)
    for name in names:
        by_file_name[name if name.startswith(_OF_CLASSES) else as_file(name)].append(name)
    faults = [" and ".join(map(repr, same)) for same in by_file_name.values() if len(same) > 1]
    if faults:
        raise DatasetError(
            "Columns of this table have the same name, or names that differ in capitals alone.",
            file=file,
            expected="a name of its own for each column",
            got="; ".join(faults),
            remedy="Rename or delete the columns that do not count.",
        )
