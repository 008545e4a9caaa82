"""Whether the covariates that a tabular comparator saw are still those of cases.csv."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.cells import known, numbers
from ricenet_v2.records.dataset import Case
from ricenet_v2.store import tables
from ricenet_v2.store.case_table import read_cases, rows_by_id
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import ModelPaths

_MOST_NAMED = 5
_IS = " = "


def check_covariates(model: ModelPaths, table: Path) -> None:
    """Compare the columns of a comparator that are covariates; cases and columns may be new.

    Args:
        model: Files of any model; only a tabular comparator has a table of features.
        table: cases.csv.

    Raises:
        DatasetError: Cells have changed; cases and columns are named.
    """
    if not model.features.is_file():
        return
    cases = rows_by_id(read_cases(table), table)
    changed = [
        f"{case}: {column}"
        for row in tables.read_rows(model.features)
        if (case := row["case_id"]) in cases
        for column in _changed(row, cases[case])
    ]
    if changed:
        raise DatasetError(
            "Covariates have changed since this comparator was fitted.",
            file=table,
            expected=f"the covariates in {model.features}",
            got=first_of(changed, _MOST_NAMED, "; "),
            remedy="Run the command that fitted it again, and restore the covariates if they "
            f"were right: {_command(model)}",
        )


def _command(model: ModelPaths) -> str:
    folds = list(runs_of(model))
    return going_on(model.fold(folds[0]).folder) if folds else "ricenet_baseline DATASET"


def _changed(row: Mapping[str, str], case: Case) -> list[str]:
    changes = []
    for column, cell in row.items():
        name, separator, category = column.partition(_IS)
        if name not in case.covariates:
            continue
        now = known(case.covariates[name])
        value = math.nan
        if now:
            read = numbers([now]) or [math.nan]
            value = float(now == category) if separator else float(read[0])
        then = float(cell or "nan")
        if then != value and not (math.isnan(then) and math.isnan(value)):
            changes.append(f"{name} {now or 'not known'} now")
    return changes
