"""A table of numbers, one row a case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MOST_WORDS = 10
"""A covariate of more different words than this is a name, and no property of a patient."""

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Table:
    """Numbers of cases; NaN where not known.

    Attributes:
        case_ids: Of the rows.
        columns: Names.
        values: Axes (cases, columns).
    """

    case_ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats

    def rows(self, case_ids: Sequence[str]) -> Floats:
        """Of these cases, in their order."""
        at = {case: index for index, case in enumerate(self.case_ids)}
        return self.values[[at[case] for case in case_ids]]

    def beside(self, other: Table) -> Table:
        """Both side by side, for the cases of this one."""
        return Table(
            self.case_ids,
            (*self.columns, *other.columns),
            np.hstack([self.values, other.rows(self.case_ids)]),
        )


def coded(covariates: Mapping[str, Mapping[str, str]], known: Sequence[str]) -> Table:
    """Covariates as numbers: numbers as they are, words as one column of 0 and 1 for each.

    Args:
        covariates: Texts by case and name; the same names for every case.
        known: Cases whose words make columns (those of training); another word is 0 in all.
    """
    names = sorted({name for cells in covariates.values() for name in cells})
    columns, values = [], []
    for name in names:
        cells = [covariates[case].get(name, "") for case in covariates]
        own = {covariates[case].get(name, "") for case in known} - {""}
        numbers = _numbers(cells)
        if numbers is not None:
            if len(own) > 1:
                columns.append(name)
                values.append(numbers)
        elif 1 < len(own) <= MOST_WORDS:
            # One word less than there are: of two, the second says what the first does.
            for word in sorted(own)[1 if len(own) == 2 else 0 :]:
                columns.append(f"{name} = {word}")
                values.append(np.array([float(cell == word) for cell in cells]))
    made = np.column_stack(values) if values else np.empty((len(covariates), 0))
    return Table(tuple(covariates), tuple(columns), made)


def _numbers(cells: Sequence[str]) -> Floats | None:
    try:
        found = np.array([float(cell) if cell else np.nan for cell in cells])
    except ValueError:
        return None
    return np.where(np.isfinite(found), found, np.nan)
