"""Whether the tables of a model's folds are those of their training, and cases.csv still is."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import SanityCheck
from ricenet_v2.records.splits import Fold
from ricenet_v2.records.used_cases import Changes, UsedCase, changes_since
from ricenet_v2.store import tables
from ricenet_v2.store.case_table import read_cases
from ricenet_v2.store.paths import CASES_CSV, ModelPaths
from ricenet_v2.store.seeds import runs_of

logger = logging.getLogger(__name__)

_MOST_NAMED = 5
_NEEDED = ("case_id", "label")
_JUDGE_ANEW = (
    "To judge the predictions of these folds by other labels or patients, name a table of them: "
    "ricenet_evaluate DATASET --truth FILE"
)

Rows = Mapping[int, Sequence[Mapping[str, str]]]
"""Lines of validation.csv by fold."""


def read_validation(model: ModelPaths, runs: Mapping[int, Run]) -> dict[int, list[dict[str, str]]]:
    """Read validation.csv of every fold.

    Args:
        model: Files of the folds.
        runs: Of the folds.

    Raises:
        DatasetError: A table lacks columns that it needs or that others have; a case is held out
            twice; a record is of another fold than its folder. The file is named.
    """
    rows = {fold: tables.read_rows(model.fold(fold).validation) for fold in runs}
    _check_columns(model, rows)
    _check_once(model, rows)
    for fold, run in runs.items():
        if run.fold != fold:
            raise DatasetError(
                "This folder holds another fold than its name says.",
                file=model.fold(fold).run,
                expected=f"fold {fold}",
                got=f"fold {run.fold}, which would count twice or in the place of another",
                remedy="Move the folder away, or give it back its name.",
            )
    for file in _edited(model, runs):
        logger.warning(
            "%s is not as training wrote it: it was edited, or is damaged. Delete it and run "
            "ricenet_train --continue, which writes it anew.",
            file,
        )
    return rows


def check_as_trained(
    model: ModelPaths, runs: Mapping[int, Run], rows: Rows, *, is_judged_anew: bool = False
) -> None:
    """Compare cases, labels and patients of validation.csv with what the folds were trained on.

    The record of each fold holds a hash of them, which all tables together give again. Records of
    older versions hold none, or one that depends on the order of the cases in splits_final.json:
    then it is only logged that the hash is another.

    Args:
        model: For the message.
        runs: Of all folds.
        rows: Of all folds.
        is_judged_anew: Labels and patients are those of another table: then it is only logged.

    Raises:
        DatasetError: They are others; the folds are named.
    """
    sides = {fold: tuple(row["case_id"] for row in own) for fold, own in rows.items()}
    labels = {row["case_id"]: row["label"] for own in rows.values() for row in own}
    patients = {row["case_id"]: _patient(row) for own in rows.values() for row in own}
    others = []
    for fold, run in runs.items():
        train = tuple(case for other, own in sides.items() if other != fold for case in own)
        made = Fold(train, sides[fold]).hash_with(labels, patients)
        if run.fold_hash and made != run.fold_hash:
            others.append(fold)
    if not others:
        return
    told = ", ".join(map(str, others))
    what = f"folds {told}" if len(others) > 1 else f"fold {told}"
    if is_judged_anew or not any(runs[fold].validation_hash for fold in others):
        logger.warning(
            "%s: %s learned from other cases, labels or patients than their tables tell, or from "
            "folds that were edited.",
            model.folder,
            what,
        )
        return
    raise DatasetError(
        "The validation.csv of the folds do not tell the cases, labels and patients that they were "
        "trained on.",
        file=model.folder,
        expected="tables as training wrote them, of one cases.csv and one splits_final.json",
        got=f"{what}: trained on others{_named(_edited(model, runs))}",
        remedy="Bring back the tables that were edited or exchanged (without validation.csv, "
        "ricenet_train --continue writes it anew), or move the folders of folds that were trained "
        f"on other tables away and train them again. {_JUDGE_ANEW}",
    )


def used_cases(runs: Mapping[int, Run], rows: Rows) -> list[UsedCase]:
    """What the folds hold out, as it was when they were trained."""
    return [
        UsedCase(row["case_id"], _patient(row), row["label"], runs[fold].held_out)
        for fold, own in rows.items()
        for row in own
    ]


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
        model: For the message.
        runs: Of the folds.
        rows: Of the folds.
        table: cases.csv.
        is_judged_anew: Labels and patients are those of another table: then nothing is refused.

    Raises:
        DatasetError: A case has another label, another patient, or another group than its fold held
            out: figures would be of what is known to be wrong.
    """
    now = {case.case_id: case for case in read_cases(table)}
    group = next((run.group for run in runs.values()), "")
    found = changes_since(used_cases(runs, rows), now, group)
    if found.wrong and not is_judged_anew:
        raise DatasetError(
            f"{CASES_CSV} has changed since the folds were trained.",
            file=table,
            expected=f"labels and patients as the folds of {model.folder.name} were trained and "
            "judged with",
            got="\n    " + "\n    ".join(found.wrong),
            remedy="Bring back what was changed. Or, if it is right now, move the folder of the "
            f"model away and train it again. {_JUDGE_ANEW}",
        )
    for told in (*found.wrong, *found.doubtful):
        logger.warning("%s, since the folds were trained: %s", table, told)
    return found


def held_out_by(model: ModelPaths) -> set[UsedCase]:
    """The cases of all folds that are there: those that a model was trained on.

    Raises:
        DatasetError: A table lacks columns.
    """
    there = {n: run for n, run in runs_of(model).items() if model.fold(n).validation.is_file()}
    rows = {fold: tables.read_rows(model.fold(fold).validation) for fold in there}
    _check_columns(model, rows)
    return set(used_cases(there, rows))


def since_training(model: ModelPaths, table: Path) -> list[SanityCheck]:
    """What has changed in cases.csv since the folds were trained, as a check beside their figures.

    Returns:
        One check, or none of a model without folds or where there is no such table.
    """
    used = held_out_by(model)
    if not used or not table.is_file():
        return []
    runs = {n: run for n, run in runs_of(model).items() if model.fold(n).validation.is_file()}
    now = {case.case_id: case for case in read_cases(table)}
    group = next(run.group for run in runs.values())
    found = changes_since(sorted(used, key=lambda case: case.case_id), now, group)
    told = [*found.wrong, *found.doubtful]
    told += [f"{file.parent.name}/{file.name} was edited" for file in _edited(model, runs)]
    name = "tables since training"
    if told:
        return [SanityCheck(name, "doubt", "; ".join(told))]
    return [SanityCheck(name, "fine", "labels, patients and splits are those of the training")]


def _named(edited: Sequence[Path]) -> str:
    files = ", ".join(f"{file.parent.name}/{file.name}" for file in edited)
    return f"; edited since: {files}" if files else ""


def _patient(row: Mapping[str, str]) -> str:
    return row.get("patient_id") or row["case_id"]


def _check_columns(model: ModelPaths, rows: Rows) -> None:
    everything = dict.fromkeys(name for own in rows.values() for row in own[:1] for name in row)
    wanted = list(dict.fromkeys((*_NEEDED, *everything)))
    for fold, own in rows.items():
        missing = [name for name in wanted if not own or name not in own[0]]
        if missing:
            raise DatasetError(
                "This table of predictions has no rows or lacks columns.",
                file=model.fold(fold).validation,
                expected=f"rows with the columns {', '.join(wanted)}, as in all folds",
                got=f"no column {', '.join(missing)}" if own else "no rows",
                remedy="Bring the table back, or delete it and run ricenet_train --continue, which "
                "writes it anew.",
            )


def _check_once(model: ModelPaths, rows: Rows) -> None:
    """A case twice in one table is a fault of reading, where others are."""
    first: dict[str, int] = {}
    for fold, own in rows.items():
        twice = [row["case_id"] for row in own if first.setdefault(row["case_id"], fold) != fold]
        if twice:
            more = f" and {len(twice) - _MOST_NAMED} more" if len(twice) > _MOST_NAMED else ""
            raise DatasetError(
                "Cases are held out of two folds.",
                file=model.fold(fold).validation,
                expected=f"cases that fold {first[twice[0]]} has not held out",
                got=f"{', '.join(twice[:_MOST_NAMED])}{more}",
                remedy="Move the folder of the fold that is a copy, or of other splits, away.",
            )


def _edited(model: ModelPaths, runs: Mapping[int, Run]) -> list[Path]:
    """The tables that are other ones than training wrote."""
    files = {fold: model.fold(fold).validation for fold in runs}
    return [
        file
        for fold, file in files.items()
        if runs[fold].validation_hash and sha256_of_file(file) != runs[fold].validation_hash
    ]
