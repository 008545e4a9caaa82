"""Whether the tables of a model's folds are those of their training, and cases.csv still is."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.case_table_snapshot import Changes, UsedCase, changes_since
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.store.case_table import read_cases, rows_by_id
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import (
    Rows,
    edited,
    read_tables,
    remade,
    written_by,
)
from ricenet_v2.store.paths import CASES_CSV, ModelPaths
from ricenet_v2.store.trained_on import compared, others_than_trained, used_cases

logger = logging.getLogger(__name__)

SINCE_TRAINING = "tables since training"
_JUDGE_ANEW = (
    "To evaluate the predictions of these folds with other labels or patients, name their table: "
    "ricenet_evaluate {} --truth FILE"
)


def read_validation(model: ModelPaths, runs: Mapping[int, Run]) -> Rows:
    """Read validation.csv of every fold, and log which of them were edited.

    Raises:
        DatasetError: As `read_tables`.
    """
    rows = read_tables(model, runs)
    for fold in edited(model, runs):
        logger.warning(
            "%s is not as training wrote it: it was edited, or is damaged. %s",
            model.fold(fold).validation,
            remade(model, [fold]),
        )
    return rows


def check_as_trained(
    model: ModelPaths,
    runs: Mapping[int, Run],
    rows: Rows,
    table: Path | None = None,
    *,
    is_judged_anew: bool = False,
) -> None:
    """Compare cases, labels and patients of validation.csv with what the folds were trained on.

    Records of older versions hold no hash of them, or one that depends on the order of the cases in
    splits_final.json: then it is only logged that the hash is another.

    Args:
        model: Model for the message.
        runs: Runs of all folds.
        rows: Rows of all folds.
        table: cases.csv, which may show the cases that differ.
        is_judged_anew: Labels and patients are those of another table: then it is only logged.

    Raises:
        DatasetError: They are others; the tables or folds, and the cases, are named.
    """
    others = others_than_trained(model, runs, rows, _by_id(table))
    if not others.folds:
        return
    if is_judged_anew or not any(runs[fold].validation_hash for fold in others.folds):
        logger.warning(
            "%s: the tables of the folds do not record the cases, labels or patients that the "
            "folds learned from, or the folds were edited: %s",
            model.folder,
            others.description(model),
        )
        return
    if others.edited:
        raise DatasetError(
            "A table of predictions was edited after training.",
            file=model.fold(others.edited[0]).validation,
            expected="cases, labels and patients as training wrote them",
            got=others.description(model),
            remedy=f"{remade(model, others.edited)} {_judge_anew(runs)}",
        )
    commands = " and ".join(
        dict.fromkeys(going_on(model.fold(fold).folder) for fold in others.folds)
    ).replace(" --continue", "")
    raise DatasetError(
        "The validation.csv files of the folds do not record the cases, labels and patients that "
        "they were trained on.",
        file=model.folder,
        expected="folds that were trained on one cases.csv and one splits_final.json",
        got=others.description(model),
        remedy="Restore the folders of folds that were exchanged, or move those that were "
        f"trained on other tables away and run {commands}. {_judge_anew(runs)}",
    )


def check_since(
    model: ModelPaths,
    runs: Mapping[int, Run],
    rows: Rows,
    table: Path,
    *,
    is_judged_anew: bool = False,
) -> Changes:
    """Compare what the folds held out with cases.csv as it is now.

    Cases that are new there, and covariates, are no matter.

    Args:
        model: Model for the message.
        runs: Runs of the folds.
        rows: Rows of the folds.
        table: cases.csv.
        is_judged_anew: Labels and patients are those of another table: then nothing is refused.

    Raises:
        DatasetError: A case has another label, another patient, or another group than its fold held
            out: metrics would be of what is known to be wrong.
    """
    now = rows_by_id(read_cases(table), table)
    group = next((run.group for run in runs.values()), "")
    changes = changes_since(used_cases(runs, rows), now, group)
    if changes.wrong and not is_judged_anew:
        commands = dict.fromkeys(going_on(model.fold(fold).folder) for fold in runs)
        raise DatasetError(
            f"{CASES_CSV} has changed since the folds were trained.",
            file=table,
            expected=f"labels and patients as the folds of {model.folder.name} were trained and "
            "judged with",
            got="\n    " + "\n    ".join(changes.wrong),
            remedy="Restore what was changed. Or, if it is right now, move the folder of the "
            f"model away and run {' and '.join(commands)}. {_judge_anew(runs)}",
        )
    for change in (*changes.wrong, *changes.doubtful):
        logger.warning("%s, since the folds were trained: %s", table, change)
    return changes


def held_out_by(model: ModelPaths) -> set[UsedCase]:
    """The cases of all folds that are there: those that a model was trained on.

    Raises:
        DatasetError: A table lacks columns.
    """
    return set(used_cases(*written_by(model)))


def since_training(model: ModelPaths, table: Path) -> list[SanityCheck]:
    """Changes of the tables since the training of the folds, as a check with their metrics.

    Args:
        model: Files of the folds.
        table: cases.csv.

    Returns:
        One check, or none of a model without folds.

    Raises:
        DatasetError: As `read_tables`.
    """
    runs, rows = written_by(model)
    return check_of(model, runs, rows, _by_id(table))


def check_of(
    model: ModelPaths, runs: Mapping[int, Run], rows: Rows, now: Mapping[str, Case] | None
) -> list[SanityCheck]:
    """The same as `since_training`, for tables that have been read.

    Args:
        model: Files of the folds.
        runs: Runs as for `compared`.
        rows: The same.
        now: Rows of cases.csv by case id.
    """
    if not rows:
        return []
    others, changes = compared(model, runs, rows, now)
    remarks = [f"{CASES_CSV}: {each}" for each in (*changes.wrong, *changes.doubtful)]
    remarks += [others.description(model)] if others.edited or others.cases else []
    if remarks:
        return [SanityCheck(SINCE_TRAINING, "doubt", "; ".join(remarks))]
    if now is None:
        return []
    fine = "labels, patients and splits are those of the training"
    return [SanityCheck(SINCE_TRAINING, "fine", fine)]


def _by_id(table: Path | None) -> dict[str, Case] | None:
    if table is None or not table.is_file():
        return None
    return rows_by_id(read_cases(table), table)


def _judge_anew(runs: Mapping[int, Run]) -> str:
    return _JUDGE_ANEW.format(next((run.dataset for run in runs.values()), "DATASET"))
