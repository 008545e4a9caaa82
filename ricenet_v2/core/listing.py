"""Lists in messages: the first items, and how many there are besides."""

from __future__ import annotations

from collections.abc import Sequence


def first_of(items: Sequence[str], most: int, separator: str = ", ") -> str:
    """The first items of a list: `a, b and 3 more`, or `a; b; and 3 more`.

    Args:
        items: Texts.
        most: Number of items that are shown.
        separator: Text between them; a comma is left out before the number of the others.
    """
    shown = separator.join(items[:most])
    if len(items) <= most:
        return shown
    joint = " " if separator == ", " else separator
    return f"{shown}{joint}and {len(items) - most:,} more"
