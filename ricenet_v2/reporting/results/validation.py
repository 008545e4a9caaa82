"""The predictions of the folds' validation cases, and whether their dataset is still the same."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.case_table_snapshot import changes_of
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.described import listed_channels, other_channels
from ricenet_v2.records.run import Run
from ricenet_v2.records.sanity import Sanity
from ricenet_v2.reporting.results.predicted import PredictedCase, Result, entropy_of, result_of
from ricenet_v2.store.as_trained import SINCE_TRAINING, check_of
from ricenet_v2.store.fold_tables import (
    Rows,
    of_repeat,
    read_tables,
    remade,
    runs_of,
    short_names,
)
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths, ModelPaths
from ricenet_v2.store.positive import warn_other_classes
from ricenet_v2.store.raw import RawDataset, read_dataset
from ricenet_v2.store.trained_on import compared, used_cases

logger = logging.getLogger(__name__)


def out_of_fold(
    model: ModelPaths, classes: Sequence[str], known: Mapping[str, Case]
) -> Result | None:
    """The validation cases of all folds of the first repeat; None where there are none.

    Labels are those of the tables of the folds. A case that stood otherwise at training, or stands
    otherwise in cases.csv now, is flagged, and so is each case of a table that was edited. What an
    earlier evaluation found of these tables is replaced by what is found now.

    Raises:
        DatasetError: A table lacks columns or has values that are not probabilities; a fold
            is a copy of another.
    """
    runs = of_repeat(runs_of(model))
    others = set(runs_of(model)) - set(runs)
    predicted_folds = [
        fold
        for fold in model.folds()
        if fold not in others and model.fold(fold).validation.is_file()
    ]
    needed = ("case_id", "label", "predicted", *(f"prob_{name}" for name in classes))
    runs = {fold: run for fold, run in runs.items() if fold in predicted_folds}
    rows = read_tables(model, predicted_folds, needed)
    if not rows:
        return None
    checks = _flags(model, runs, rows, known)
    cases = [
        replace(_of_fold(row, classes, fold, model), flags=tuple(checks.get(row["case_id"], ())))
        for fold, fold_rows in rows.items()
        for row in fold_rows
    ]
    in_order = tuple(sorted(cases, key=lambda case: case.case_id))
    result = result_of("out-of-fold", model.crossval, in_order, known.values())
    return replace(result, sanity=_as_of_now(result.sanity, model, runs, rows, known))


def _flags(
    model: ModelPaths, runs: Mapping[int, Run], rows: Rows, known: Mapping[str, Case]
) -> dict[str, list[str]]:
    """Flags of cases for the reader, by their id; the same is logged."""
    comparison, changes = compared(model, runs, rows, known or None)
    for change in (*changes.wrong, *changes.doubtful):
        logger.warning("cases.csv has changed since the folds were trained: %s", change)
    if comparison.edited:
        logger.warning("%s: %s", model.folder, comparison.description(model))
        logger.warning("%s", remade(model, comparison.edited))
    flags: dict[str, list[str]] = defaultdict(list)
    for fold in comparison.edited:
        for row, then in zip(rows[fold], comparison.rows[fold], strict=True):
            flags[row["case_id"]] += _edit_text(model, fold, row, then)
    for used in used_cases(runs, comparison.rows):
        flags[used.case_id] += changes_of(used, known.get(used.case_id)) if known else ()
    return flags


def _edit_text(
    model: ModelPaths, fold: int, row: Mapping[str, str], then: Mapping[str, str]
) -> list[str]:
    text = f"{short_names(model, [fold])} has been edited since training"
    if row["label"] != then["label"]:
        return [f"{text}: label {row['label']} there, {then['label']} in training"]
    return [f"{text}: its label, predicted class and probabilities may not be the network's"]


def _as_of_now(
    sanity: Sanity | None,
    model: ModelPaths,
    runs: Mapping[int, Run],
    rows: Rows,
    known: Mapping[str, Case],
) -> Sanity | None:
    """The checks with what is found of the tables now."""
    now = check_of(model, runs, rows, known or None)
    if not now:
        return sanity
    title = "out-of-fold" if sanity is None else sanity.title
    before = () if sanity is None else sanity.checks
    others = tuple(check for check in before if check.name != SINCE_TRAINING)
    if sanity is None and all(check.outcome == "fine" for check in now):
        return None
    updated = Sanity(title=title, checks=(*others, *now))
    return updated if sanity is None else replace(sanity, checks=updated.checks)


def _of_fold(
    row: Mapping[str, str], classes: Sequence[str], fold: int, model: ModelPaths
) -> PredictedCase:
    probabilities = _probabilities(row, classes, model.fold(fold).validation)
    return PredictedCase(
        case_id=row["case_id"],
        truth=row["label"],
        predicted=row["predicted"],
        probabilities=probabilities,
        members=((f"fold {fold}", probabilities),),
        entropy=entropy_of(probabilities),
        agreement=None,
        disagreement=None,
        distance=None,
        flags=(),
        part=f"fold {fold}",
        source=None,
    )


def _probabilities(row: Mapping[str, str], classes: Sequence[str], file: Path) -> tuple[float, ...]:
    cells = [row[f"prob_{name}"] for name in classes]
    try:
        probabilities = tuple(float(cell) for cell in cells)
    except ValueError:
        probabilities = ()
    if not probabilities or not all(0 <= value <= 1 for value in probabilities):
        raise DatasetError(
            "A table of predictions contains values that are not probabilities.",
            case=row["case_id"],
            file=file,
            expected="numbers between 0 and 1",
            got=", ".join(cell or "(empty)" for cell in cells),
            remedy="Restore the table, or delete it and run the command that trained the fold "
            "with --continue, which rewrites it.",
        )
    return probabilities


def described(paths: DatasetPaths, raw: RawDataset | None, model: ModelPaths) -> Dataset:
    """The dataset of a model, as the raw dataset describes it, or where that is gone the model.

    Raises:
        DatasetError: Nothing describes it, or the raw dataset has other channels or classes than
            the model was trained by: images and classes would stand under wrong names.
    """
    if not any(file.is_file() for file in (model.dataset, paths.raw / DATASET_JSON)):
        raise DatasetError(
            "There is no description of the dataset of this model.",
            file=model.dataset,
            expected=f"{DATASET_JSON} in the model's folder or in the raw dataset",
        )
    then = read_dataset(model.dataset) if model.dataset.is_file() else None
    if raw is None:
        return then or read_dataset(paths.raw / DATASET_JSON)
    now = raw.dataset
    if then is not None and (
        then.classes != now.classes or other_channels(then.channels, now.channels)
    ):
        raise DatasetError(
            "dataset.json has changed since the model was trained.",
            file=paths.raw / DATASET_JSON,
            expected=f"channels {listed_channels(then.channels)}; "
            f"classes {', '.join(then.classes)}",
            got=f"channels {listed_channels(now.channels)}; classes {', '.join(now.classes)}",
            remedy="Restore it. Or, if it is correct now, run "
            f"ricenet_plan_and_preprocess {paths.name} --overwrite, move the folder of the model "
            f"away, and run ricenet_train {paths.name} all.",
        )
    if then is None:
        return now
    warn_other_classes(then, now, model)
    return replace(now, positive_class=then.positive_class)
