"""Tables of records in a notebook; what a record's `_repr_html_` returns."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from ricenet_v2.core.decimals import decimals, ends


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]], *notes: str) -> str:
    """A table with its title above and notes below; every text is escaped.

    Args:
        title: Above the table.
        columns: Heads of the columns.
        rows: Cells of each row, as many as there are columns.
        notes: Paragraphs below; empty ones are left out.
    """
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "".join(
        f"<tr>{''.join(f'<td>{escape(str(cell))}</td>' for cell in row)}</tr>" for row in rows
    )
    below = "".join(f"<p>{escape(note)}</p>" for note in notes if note)
    return (
        f"<div><p><b>{escape(title)}</b></p><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{body}</tbody></table>{below}</div>"
    )


def number(value: float | None) -> str:
    """Three digits behind the point; a dash for None."""
    return "-" if value is None else decimals(value)


def p_value(value: float | None) -> str:
    """Three digits behind the point, or that it is below; a dash for None."""
    return "below 0.001" if value is not None and value < 0.001 else number(value)


def interval(low: float | None, high: float | None) -> str:
    """Both ends of an interval; a dash where there is none."""
    return ends(low, high, "-")
