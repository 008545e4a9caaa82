"""Covariates as numbers: what each column of a table of cases is, and how a cell is read."""

from __future__ import annotations

import math
from collections.abc import Iterable

from ricenet_v2.core.documents import record
from ricenet_v2.core.names import Title
from ricenet_v2.records.cells import known, numbers

MOST_CATEGORIES = 10
"""A covariate of more different words than this is a name, and no property of a patient."""


@record
class Covariate:
    """Encoding of a covariate as numbers.

    Attributes:
        name: Column of cases.csv.
        categories: Its words, sorted; empty for a number.
    """

    name: Title
    categories: tuple[str, ...] = ()

    @property
    def coded(self) -> tuple[str, ...]:
        """Words that have a column of their own: of two, the second says what the first does."""
        return self.categories[1 if len(self.categories) == 2 else 0 :]

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns."""
        if not self.categories:
            return (self.name,)
        return tuple(f"{self.name} = {category}" for category in self.coded)

    def is_readable(self, cell: str) -> bool:
        """Whether a cell is what this covariate has: a number, one of its words, or not known."""
        text = known(cell)
        return text in {"", *self.categories} if self.categories else numbers([text]) is not None

    def values(self, cell: str) -> tuple[float, ...]:
        """A number for each column: NaN where the cell is not known.

        Another word is 0 in all columns.

        Args:
            cell: Cell of a table of cases; a number if this covariate is numeric.
        """
        text = known(cell)
        if not self.categories:
            return tuple(numbers([text]) or [math.nan])
        return tuple(float(text == category) if text else math.nan for category in self.coded)


def covariate_of(name: str, cells: Iterable[str], known_cells: Iterable[str]) -> Covariate | str:
    """Covariate by its cells, or the reason why it cannot be used, in words.

    Args:
        name: Column.
        cells: Cells of all cases: one word among them makes it a covariate of words.
        known_cells: Cells of the cases whose values are used, those of training.
    """
    texts = {known(cell) for cell in known_cells} - {""}
    if len(texts) < 2:
        return "it has a single value" if texts else "nothing of it is known"
    everything = [known(cell) for cell in cells]
    if numbers(everything) is not None:
        return Covariate(name)
    if len(texts) <= MOST_CATEGORIES:
        return Covariate(name, tuple(sorted(texts)))
    words = sorted({cell for cell in everything if numbers([cell]) is None})
    return f"it has {len(texts)} different texts that are not all numbers, e.g. {words[0]!r}"
