"""Training cases of the folds of a model, from their tables, hashes and cases.csv."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.records.case_table_snapshot import Changes, UsedCase, changes_since
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import Fold
from ricenet_v2.store.fold_tables import Rows, edited, short_names
from ricenet_v2.store.paths import CASES_CSV, ModelPaths

_MOST_NAMED = 5


@dataclass(frozen=True)
class EditedTables:
    """Differences of the tables of folds from their training.

    Attributes:
        edited: Folds whose validation.csv is not the one that was written.
        folds: Folds that learned from other cases, labels or patients than the tables say.
        cases: Cases that differ, in words, as far as cases.csv shows.
        rows: The tables, with labels and patients as they were at training, as far as that is
            known.
    """

    edited: tuple[int, ...]
    folds: tuple[int, ...]
    cases: tuple[str, ...]
    rows: Rows

    def description(self, model: ModelPaths) -> str:
        """Differences, with folds and cases."""
        files = short_names(model, self.edited)
        remarks = [f"edited since training: {files}"] if files else []
        if self.folds and not self.edited:
            many = "folds" if len(self.folds) > 1 else "fold"
            remarks.append(f"{many} {', '.join(map(str, self.folds))}: trained on others")
        more = len(self.cases) - _MOST_NAMED
        remarks += self.cases[:_MOST_NAMED] + ((f"and {more} more",) if more > 0 else ())
        return "; ".join(remarks)


def others_than_trained(
    model: ModelPaths, runs: Mapping[int, Run], rows: Rows, now: Mapping[str, Case] | None = None
) -> EditedTables:
    """Compare the tables of folds with what the folds were trained on.

    The record of each fold holds a hash of all cases, labels and patients, which all tables
    together give again, and one of its own table. Which cases differ follows from cases.csv
    where its rows in the place of those of the tables give the hash.

    Args:
        model: Files of the folds.
        runs: Runs of all folds.
        rows: Rows of all folds.
        now: Rows of cases.csv by case id.
    """
    changed = tuple(edited(model, runs))
    folds = tuple(_others(runs, rows))
    if not folds or now is None:
        return EditedTables(changed, folds, (), rows)
    tables = {
        fold: _as_now(table, now) if fold in changed else table for fold, table in rows.items()
    }
    if not set(_others(runs, tables)):
        return EditedTables(changed, folds, tuple(_differences(rows, tables, "training")), tables)
    # A fold that was trained on cases.csv as it is now, beside those of an earlier one.
    tables = {fold: _as_now(table, now) for fold, table in rows.items()}
    differences = tuple(_differences(rows, tables, CASES_CSV))
    explains = set(folds) - set(_others(runs, tables))
    return EditedTables(changed, folds, differences if explains else (), rows)


def compared(
    model: ModelPaths, runs: Mapping[int, Run], rows: Rows, now: Mapping[str, Case] | None
) -> tuple[EditedTables, Changes]:
    """Differences of the tables of folds, and of cases.csv, from the training.

    A label that was edited in the table of a fold is no change of cases.csv.

    Args:
        model: Files of the folds.
        runs: Runs of the folds that have a record; each of them has a table.
        rows: Rows of all folds that have a table.
        now: Rows of cases.csv by case id.
    """
    # A hash is of all cases: without some folds it says nothing about the others.
    is_whole = set(runs) == set(rows) and all(
        run.folds_of_repeat == len(rows) for run in runs.values()
    )
    if is_whole:
        others = others_than_trained(model, runs, rows, now)
    else:
        others = EditedTables(tuple(edited(model, runs)), (), (), rows)
    if now is None:
        return others, Changes()
    group = next((run.group for run in runs.values()), "")
    used = sorted(used_cases(runs, others.rows), key=lambda case: case.case_id)
    return others, changes_since(used, now, group)


def used_cases(runs: Mapping[int, Run], rows: Rows) -> list[UsedCase]:
    """Held-out cases of the folds, as they were at the training."""
    return [
        UsedCase(
            row["case_id"],
            _patient(row),
            row["label"],
            runs[fold].held_out if fold in runs else "",
        )
        for fold, table in rows.items()
        for row in table
    ]


def _others(runs: Mapping[int, Run], rows: Rows) -> Iterator[int]:
    """Folds whose hash is not that of the tables; cases that no fold held out are in none."""
    sides = {fold: tuple(row["case_id"] for row in table) for fold, table in rows.items()}
    labels = {row["case_id"]: row["label"] for table in rows.values() for row in table}
    patients = {row["case_id"]: _patient(row) for table in rows.values() for row in table}
    for fold, run in runs.items():
        train = tuple(case for other, of_fold in sides.items() if other != fold for case in of_fold)
        fold_hash = Fold(train, sides[fold]).hash_with(labels, patients)
        if run.fold_hash and not run.holdout and fold_hash != run.fold_hash:
            yield fold


def _as_now(rows: Sequence[Mapping[str, str]], now: Mapping[str, Case]) -> list[dict[str, str]]:
    """Rows with label and patient of cases.csv, as far as it has the case."""
    return [
        {**row, "label": case.label, "patient_id": case.patient_id}
        if (case := now.get(row["case_id"]))
        else dict(row)
        for row in rows
    ]


def _differences(rows: Rows, then: Rows, where: str) -> Iterator[str]:
    for fold, table in rows.items():
        for row, before in zip(table, then[fold], strict=True):
            for what, trained, current in (
                ("label", row["label"], before["label"]),
                ("patient", _patient(row), _patient(before)),
            ):
                if trained != current:
                    yield (
                        f"{row['case_id']}: {what} {trained} in the table of fold {fold}, "
                        f"{current} in {where}"
                    )


def _patient(row: Mapping[str, str]) -> str:
    return row.get("patient_id") or row["case_id"]
