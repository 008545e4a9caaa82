"""A table of numbers, one row a case."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Floats
from ricenet_v2.records.cells import known as cell_of
from ricenet_v2.records.cells import numbers
from ricenet_v2.records.identity import is_identity

logger = logging.getLogger(__name__)

MOST_CATEGORIES = 10
"""A covariate of more different words than this is a name, and no property of a patient."""


@dataclass(frozen=True)
class CovariateTable:
    """Numbers of cases; NaN where not known.

    Attributes:
        case_ids: Case identifiers, in the order of the rows.
        columns: Names of the columns.
        values: Axes (cases, columns).
    """

    case_ids: tuple[str, ...]
    columns: tuple[str, ...]
    values: Floats

    def rows(self, case_ids: Sequence[str]) -> Floats:
        """Rows of these cases, in the order given, axes (cases, columns)."""
        at = {case: index for index, case in enumerate(self.case_ids)}
        return self.values[[at[case] for case in case_ids]]

    def beside(self, other: CovariateTable) -> CovariateTable:
        """Both tables side by side, for the cases of this one."""
        return CovariateTable(
            self.case_ids,
            (*self.columns, *other.columns),
            np.hstack([self.values, other.rows(self.case_ids)]),
        )


def coded(covariates: Mapping[str, Mapping[str, str]], known: Sequence[str]) -> CovariateTable:
    """Covariates as numbers: numbers as they are, words as one column of 0 and 1 for each.

    Columns that may identify a patient are left out, as are names and constant columns; each is
    logged.

    Args:
        covariates: Texts by case and name; the same names for every case.
        known: Cases whose words make columns (those of training); another word is 0 in all,
            and a cell that is not known is NaN in all.
    """
    names = sorted({name for cells in covariates.values() for name in cells})
    columns: list[str] = []
    values: list[Floats] = []
    for name in names:
        cells = {case: cell_of(covariates[case].get(name, "")) for case in covariates}
        if is_identity(name, cells.values()):
            logger.warning("%s is left out: it may identify a patient.", name)
            continue
        added = _columns(name, cells, known)
        if not added:
            logger.warning(
                "%s is left out: it has a single value, or too many different texts.", name
            )
        columns += added
        values += added.values()
    table = np.column_stack(values) if values else np.empty((len(covariates), 0))
    return CovariateTable(tuple(covariates), tuple(columns), table)


def _columns(name: str, cells: Mapping[str, str], known: Sequence[str]) -> dict[str, Floats]:
    """Columns of one covariate; none where the known cases do not differ, or by too many words."""
    distinct = {cells[case] for case in known} - {""}
    parsed = numbers(cells.values())
    if parsed is not None:
        return {name: np.array(parsed)} if len(distinct) > 1 else {}
    if not 1 < len(distinct) <= MOST_CATEGORIES:
        return {}
    # One word less than there are: of two, the second says what the first does.
    categories = sorted(distinct)[1 if len(distinct) == 2 else 0 :]
    return {
        f"{name} = {category}": np.array(
            [float(cell == category) if cell else np.nan for cell in cells.values()]
        )
        for category in categories
    }
