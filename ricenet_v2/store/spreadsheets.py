"""CSV of spreadsheet programs: other separators, lines without their last cells."""

from __future__ import annotations

import csv
import re
from collections.abc import Sequence

_SEPARATORS = (",", ";", "\t")
_NOTE = re.compile(r"\s*\"?sep=(.)\"?\s*", re.IGNORECASE)


def separator_of(text: str) -> tuple[str, int]:
    """The separator that divides the header into most cells, and the line that the header is in.

    Args:
        text: Text of the table; a first line such as `sep=;`, which Excel writes, is not a header.
    """
    number = 1
    for number, line in enumerate(text.splitlines(), 1):
        if note := _NOTE.fullmatch(line):
            return (note[1] if note[1] in _SEPARATORS else ","), number + 1
        if line.strip():
            return max(_SEPARATORS, key=lambda sign: _n_cells(line, sign)), number
    return ",", number


def _n_cells(line: str, separator: str) -> int:
    try:
        return len(next(csv.reader([line], delimiter=separator)))
    except csv.Error:  # a cell of no end; whoever reads the table says so
        return 0


def fitted(cells: Sequence[str], width: int) -> list[str]:
    """Cells of a line, with the empty ones at its end that a header of that width asks for."""
    kept = list(cells)
    while len(kept) > width and not kept[-1].strip():
        kept.pop()
    return kept + [""] * (width - len(kept))
