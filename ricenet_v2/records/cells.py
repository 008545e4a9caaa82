"""Cells of a table of cases: what stands for nothing, and which are numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_NOTHING = {"", "-", "--", "?", "na", "n/a", "n.a.", "<na>", "nan", "null", "unknown", "not known"}
_NOTHING |= {"#n/a", ".", "missing"}
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]+,[0-9]+")


def known(cell: str) -> str:
    """The cell without outer blanks; empty where it only says that nothing is known."""
    text = cell.strip()
    return "" if text.lower() in _NOTHING else text


def name_in(cell: str) -> str:
    """The cell as the name of a patient, a group or a class; empty where it names none.

    As `known`, and `none` names nothing either.
    """
    text = known(cell)
    return "" if text.lower() == "none" else text


def has_decimal_comma(cell: str) -> bool:
    """Whether the cell is a number with a comma, which may mean 1234 or 1.234 and is not read."""
    return _DECIMAL_COMMA.fullmatch(cell.strip()) is not None


def numbers(cells: Iterable[str]) -> list[float] | None:
    """The cells as numbers, NaN where not known or not finite; None where one is a word.

    Among numbers `none` says that there is none. Among words it may be a finding (surgery: none).
    """
    values = []
    for cell in map(known, cells):
        try:
            value = float(cell) if cell and cell.lower() != "none" else math.nan
        except ValueError:
            return None
        values.append(value if math.isfinite(value) else math.nan)
    return values


def digits(value: float | None) -> str:
    """A number of a table in nine significant digits; empty where there is none.

    Networks compute in single precision, which comes back from nine digits exactly.
    """
    return "" if value is None else f"{value:.9g}"
