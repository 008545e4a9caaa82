"""The predictions of the folds' validation cases, and whether their dataset is still the same."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.described import in_words, other_channels
from ricenet_v2.records.used_cases import Changes, UsedCase, changes_of, changes_since
from ricenet_v2.report.results.predicted import Predicted, Result, entropy_of, result_of
from ricenet_v2.store import tables
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths, ModelPaths
from ricenet_v2.store.raw import RawDataset, read_dataset

logger = logging.getLogger(__name__)


def out_of_fold(
    model: ModelPaths, classes: Sequence[str], known: Mapping[str, Case]
) -> Result | None:
    """The validation cases of all folds that are there; None where there are none.

    Labels are those that the folds were trained and judged with; a case that stands otherwise in
    cases.csv now is flagged.

    Raises:
        DatasetError: A table lacks columns.
    """
    found: list[Predicted] = []
    used: list[UsedCase] = []
    for fold in model.folds():
        path = model.fold(fold).validation
        for row in _validation(path, classes) if path.is_file() else ():
            case = UsedCase(row["case_id"], row.get("patient_id") or row["case_id"], row["label"])
            flags = changes_of(case, known.get(case.case_id)) if known else ()
            found.append(replace(_of_fold(row, classes, fold), flags=flags))
            used.append(case)
    if not found:
        return None
    changes = changes_since(used, known) if known else Changes()
    for told in (*changes.wrong, *changes.doubtful):
        logger.warning("cases.csv has changed since the folds were trained: %s", told)
    cases = tuple(sorted(found, key=lambda case: case.case_id))
    return result_of("out-of-fold", model.crossval, cases, known.values())


def _validation(path: Path, classes: Sequence[str]) -> list[dict[str, str]]:
    rows = tables.read_rows(path)
    wanted = ("case_id", "label", "predicted", *(f"prob_{name}" for name in classes))
    missing = [name for name in wanted if rows and name not in rows[0]]
    if missing:
        raise DatasetError(
            "This table of predictions lacks columns.",
            file=path,
            expected=", ".join(wanted),
            got=f"no column {', '.join(missing)}",
            remedy="Bring the table back, or delete it and run ricenet_train --continue, which "
            "writes it anew.",
        )
    return rows


def _of_fold(row: Mapping[str, str], classes: Sequence[str], fold: int) -> Predicted:
    probabilities = tuple(float(row[f"prob_{name}"]) for name in classes)
    return Predicted(
        case_id=row["case_id"],
        truth=row["label"],
        called=row["predicted"],
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


def described(paths: DatasetPaths, raw: RawDataset | None, model: ModelPaths) -> Dataset:
    """The dataset of a model, as the raw dataset describes it, or where that is gone the model.

    Raises:
        DatasetError: Nothing describes it, or the raw dataset has other channels or classes than
            the model was trained by: images and classes would stand under wrong names.
    """
    if not any(file.is_file() for file in (model.dataset, paths.raw / DATASET_JSON)):
        raise DatasetError(
            "Nothing describes the dataset of this model.",
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
            expected=f"channels {in_words(then.channels)}; classes {', '.join(then.classes)}",
            got=f"channels {in_words(now.channels)}; classes {', '.join(now.classes)}",
            remedy="Bring it back as it was. Or, if it is right now, plan, preprocess and train "
            "anew.",
        )
    return now
