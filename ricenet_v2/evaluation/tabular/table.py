"""A table of numbers, one row a case."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Floats
from ricenet_v2.records.covariates import Covariate, covariate_of
from ricenet_v2.records.dataset import BOOKKEEPING
from ricenet_v2.records.identity import is_identity

logger = logging.getLogger(__name__)


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
    names = sorted({name for cells in covariates.values() for name in cells} - BOOKKEEPING)
    usable: list[Covariate] = []
    for name in names:
        cells = {case: covariates[case].get(name, "") for case in covariates}
        if is_identity(name, cells.values()):
            logger.warning("%s is left out: it may identify a patient.", name)
            continue
        covariate = covariate_of(name, cells.values(), [cells[case] for case in known])
        if isinstance(covariate, str):
            logger.warning("%s is left out: %s.", name, covariate)
        else:
            usable.append(covariate)
    return table_of(usable, covariates)


def table_of(
    covariates: Sequence[Covariate], cells: Mapping[str, Mapping[str, str]]
) -> CovariateTable:
    """The columns of these covariates.

    Args:
        covariates: Encoding of each covariate as numbers.
        cells: Texts by case and name.
    """
    columns = tuple(column for covariate in covariates for column in covariate.columns)
    rows = [
        [value for each in covariates for value in each.values(of_case.get(each.name, ""))]
        for of_case in cells.values()
    ]
    values = np.array(rows, dtype=np.float64).reshape(len(cells), len(columns))
    return CovariateTable(tuple(cells), columns, values)
