"""Cells of a table of cases: what stands for nothing, and which are numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_NOTHING = {"", "-", "--", "?", "na", "n/a", "n.a.", "<na>", "nan", "null", "unknown", "not known"}
_NOTHING |= {"#n/a", ".", "missing"}
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*,[0-9]+(e[+-]?[0-9]+)?", re.IGNORECASE)
_POINTS_AND_COMMA = re.compile(r"[+-]?[1-9][0-9]{0,2}(\.[0-9]{3})+,[0-9]+")
_COMMAS_OF_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(,[0-9]{3})+(\.[0-9]+)?")
_POINT_OF_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}\.[0-9]{3}")


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


def has_comma(cell: str) -> bool:
    """Whether the cell is a number with a comma: of its decimals, or of thousands."""
    kinds = _DECIMAL_COMMA, _POINTS_AND_COMMA, _COMMAS_OF_THOUSANDS
    return any(kind.fullmatch(cell.strip()) for kind in kinds)


def with_points(cells: Iterable[str]) -> list[str] | None:
    """A column of numbers with decimal points, as `60,5`, `1.234,5` and `1,234.5` are meant.

    All cells of a column are written in one way, which some cell must show: `1,234` alone may be
    1.234 or 1234. Cells that say that nothing is known stay as they are.

    Returns:
        The cells; None where one is a word, or where it is not known what the commas mean.
    """
    column = list(cells)
    filled = [cell for cell in map(name_in, column) if cell]
    if all(map(_is_number, filled)):
        return column
    if all(map(_may_have_decimal_comma, filled)) and any(map(_shows_decimal_comma, filled)):
        swapped = str.maketrans({".": None, ",": "."})
        return [
            cell.strip().translate(swapped) if has_comma(name_in(cell)) else cell for cell in column
        ]
    if all(map(_may_have_thousands, filled)) and any(map(_shows_thousands, filled)):
        return [cell.replace(",", "") for cell in column]
    return None


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _may_have_decimal_comma(cell: str) -> bool:
    if _is_number(cell):
        return not _POINT_OF_THOUSANDS.fullmatch(cell)
    return bool(_DECIMAL_COMMA.fullmatch(cell) or _POINTS_AND_COMMA.fullmatch(cell))


def _shows_decimal_comma(cell: str) -> bool:
    is_comma = _DECIMAL_COMMA.fullmatch(cell) and not _COMMAS_OF_THOUSANDS.fullmatch(cell)
    return bool(is_comma or _POINTS_AND_COMMA.fullmatch(cell))


def _may_have_thousands(cell: str) -> bool:
    return _is_number(cell) or _COMMAS_OF_THOUSANDS.fullmatch(cell) is not None


def _shows_thousands(cell: str) -> bool:
    is_grouped = _COMMAS_OF_THOUSANDS.fullmatch(cell) is not None
    return is_grouped and ("." in cell or cell.count(",") > 1)


def numbers(cells: Iterable[str]) -> list[float] | None:
    """The cells as numbers, NaN where not known or not finite; None where one is a word.

    Decimal commas are read as `with_points` does. Among numbers `none` says that there is none.
    Among words it may be a finding (surgery: none).
    """
    column = with_points(cells)
    if column is None:
        return None
    values = [float(cell) if cell else math.nan for cell in map(name_in, column)]
    return [value if math.isfinite(value) else math.nan for value in values]


def digits(value: float | None) -> str:
    """A number of a table in nine significant digits; empty where there is none.

    Networks compute in single precision, which comes back from nine digits exactly.
    """
    return "" if value is None else f"{value:.9g}"
