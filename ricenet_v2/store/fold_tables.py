"""Tables of the folds of a model: run.json and validation.csv, read in one way by all."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.listing import first_of
from ricenet_v2.records.run import Run
from ricenet_v2.store import tables
from ricenet_v2.store.fold_remedy import going_on, read_run
from ricenet_v2.store.paths import ModelPaths

_MOST_NAMED = 5
_NEEDED = ("case_id", "label")

Rows = Mapping[int, Sequence[Mapping[str, str]]]
"""Lines of validation.csv by fold."""


def runs_of(model: ModelPaths) -> dict[int, Run]:
    """The record of each fold that was begun.

    Raises:
        DatasetError: A folder holds another fold than its name says.
    """
    started = [fold for fold in model.folds() if model.fold(fold).run.is_file()]
    return {fold: _run(model, fold) for fold in started}


def of_repeat(runs: Mapping[int, Run], repeat: int = 0) -> dict[int, Run]:
    """The folds of one division of all cases, which hold out each case once."""
    return {fold: run for fold, run in runs.items() if run.repeat == repeat}


def _run(model: ModelPaths, fold: int) -> Run:
    run = read_run(model.fold(fold))
    if run.fold != fold:
        raise DatasetError(
            "This folder holds another fold than its name says.",
            file=model.fold(fold).run,
            expected=f"fold {fold}",
            got=f"fold {run.fold}, which would count twice or in the place of another",
            remedy="Move the folder away, or give it back its name.",
        )
    return run


def read_tables(model: ModelPaths, folds: Iterable[int], needed: Sequence[str] = _NEEDED) -> Rows:
    """Read validation.csv of folds.

    Args:
        model: Files of the folds.
        folds: Folds whose tables exist.
        needed: Columns that each table must have; what one of them has, all must have.

    Raises:
        DatasetError: A table has no rows or lacks columns, or a case is held out of two folds. The
            file is named.
    """
    rows = {fold: tables.read_rows(model.fold(fold).validation) for fold in folds}
    _check_columns(model, rows, needed)
    _check_once(model, rows)
    return rows


def edited(model: ModelPaths, runs: Mapping[int, Run]) -> list[int]:
    """Folds whose validation.csv has changed since it was written, as far as versions record it."""
    return [
        fold
        for fold, run in runs.items()
        if run.validation_hash
        and sha256_of_file(model.fold(fold).validation) != run.validation_hash
    ]


def short_names(model: ModelPaths, folds: Iterable[int]) -> str:
    """Tables of folds as they are named in messages, e.g. `fold_4/validation.csv`."""
    files = (model.fold(fold).validation for fold in folds)
    return ", ".join(f"{file.parent.name}/{file.name}" for file in files)


def remade(model: ModelPaths, folds: Iterable[int]) -> str:
    """Remedy that restores tables of folds, in words."""
    files = [
        (str(model.fold(fold).validation), going_on(model.fold(fold).folder)) for fold in folds
    ]
    commands = " and ".join(dict.fromkeys(command for _, command in files))
    named = " and ".join(file for file, _ in files)
    return f"Restore {named}; or delete it and run {commands}, which rewrites it."


def _check_columns(model: ModelPaths, rows: Rows, needed: Sequence[str]) -> None:
    everything = dict.fromkeys(name for table in rows.values() for row in table[:1] for name in row)
    columns = list(dict.fromkeys((*needed, *everything)))
    for fold, table in rows.items():
        missing = [name for name in columns if not table or name not in table[0]]
        if missing:
            raise DatasetError(
                "This table of predictions has no rows or lacks columns.",
                file=model.fold(fold).validation,
                expected=f"rows with the columns {', '.join(columns)}, as in all folds",
                got=f"no column {', '.join(missing)}" if table else "no rows",
                remedy="Restore the table, or delete it and run the command that trained the "
                f"fold with --continue, which rewrites it{_of(model, fold)}.",
            )


def _of(model: ModelPaths, fold: int) -> str:
    if not model.fold(fold).run.is_file():
        return ""
    return f": {going_on(model.fold(fold).folder)}"


def _check_once(model: ModelPaths, rows: Rows) -> None:
    """A case twice in one table is a fault of reading, where others are."""
    first: dict[str, int] = {}
    for fold, table in rows.items():
        twice = [row["case_id"] for row in table if first.setdefault(row["case_id"], fold) != fold]
        if twice:
            raise DatasetError(
                "Cases are held out of two folds.",
                file=model.fold(fold).validation,
                expected=f"cases that fold {first[twice[0]]} has not held out",
                got=first_of(twice, _MOST_NAMED),
                remedy="Move the folder of the fold that is a copy, or of other splits, away.",
            )


def written_by(model: ModelPaths) -> tuple[dict[int, Run], Rows]:
    """Record and table of all folds, of the first repeat, that have both."""
    runs = of_repeat(runs_of(model))
    predicted = {n: run for n, run in runs.items() if model.fold(n).validation.is_file()}
    return predicted, read_tables(model, predicted)
