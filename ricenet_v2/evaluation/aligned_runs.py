"""Several runs on the cases that all of them predicted."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.store.fold_paths import VALIDATION_CSV
from ricenet_v2.store.paths import CASES_CSV, PREDICTIONS_CSV, DatasetPaths, ModelPaths
from ricenet_v2.store.tables import read_table


@dataclass(frozen=True)
class AlignedRuns:
    """Runs with the same cases in the same order.

    Attributes:
        runs: Predictions of each run, by its name.
        left_out: Cases that some run did not predict.
        warning: Says where the runs were not made on the same folds; empty otherwise.
    """

    runs: Mapping[str, LabelledPredictions]
    left_out: tuple[str, ...]
    warning: str = ""

    def __len__(self) -> int:
        """Number of cases."""
        return len(next(iter(self.runs.values())))


def model_of(run: str, dataset: DatasetPaths | None) -> ModelPaths | None:
    """The model folder that a run names; None of a file or folder of predictions, or of nothing.

    Args:
        run: Name or path of a run, as in `read_run`.
        dataset: Folders of the dataset, where one is named.
    """
    path = Path(run)
    if path.is_file() or (path / PREDICTIONS_CSV).is_file():
        return None
    if dataset is not None and run in dataset.model_names:
        path = dataset.results / run
    return ModelPaths(path) if path.is_dir() else None


def models_of(runs: Iterable[str], dataset: DatasetPaths | None) -> list[ModelPaths]:
    """Model folders of those runs that are models."""
    return [model for run in runs if (model := model_of(run, dataset)) is not None]


def read_run(
    run: str, dataset: DatasetPaths | None, truth: Path | None = None
) -> LabelledPredictions:
    """Predictions of a run.

    Args:
        run: A file of predictions, a folder that ricenet_predict wrote, a model folder, or the name
            of one (`auto__all`) in the results of the dataset.
        dataset: Folders of the dataset, where one is named.
        truth: Table of truths for predictions that do not hold them; cases.csv of the dataset where
            None.

    Raises:
        DatasetError: There is nothing of that name; the text lists the runs of the dataset.
    """
    if truth is None and dataset is not None and (dataset.raw / CASES_CSV).is_file():
        truth = dataset.raw / CASES_CSV
    path = Path(run)
    if path.is_file():
        table = None if _has_labels(path) else truth
        return read_labelled(path, table, allow_missing=True)
    if (path / PREDICTIONS_CSV).is_file():
        return read_labelled(path / PREDICTIONS_CSV, truth, allow_missing=True)
    known = () if dataset is None else dataset.model_names
    if run in known and dataset is not None:
        path = dataset.results / run
    model = ModelPaths(path)
    if model.folds():
        table = dataset.raw / CASES_CSV if dataset is not None else None
        return pool(model, path.parent.name, table)
    if (model.crossval / VALIDATION_CSV).is_file():
        return read_labelled(model.crossval / VALIDATION_CSV)
    raise DatasetError(
        "There is no such run.",
        expected="a predictions.csv, a folder of predictions, a model folder, or with -d DATASET "
        "the name of one",
        got=run,
        remedy=f"Runs of the dataset: {', '.join(known) or 'none'}",
    )


def _has_labels(path: Path) -> bool:
    return "label" in read_table(path).columns


def on_same_cases(runs: Mapping[str, LabelledPredictions]) -> AlignedRuns:
    """The cases that all runs predicted, in one order.

    Raises:
        DatasetError: Classes differ, truths or patients of a case differ, or no case is in all.
    """
    first = next(iter(runs.values()))
    others = {name: run for name, run in runs.items() if set(run.classes) != set(first.classes)}
    if others:
        raise DatasetError(
            "The runs have different classes.",
            expected=", ".join(first.classes),
            got="; ".join(f"{name}: {', '.join(run.classes)}" for name, run in others.items()),
        )
    shared = set.intersection(*(set(run.case_ids) for run in runs.values()))
    everything = set.union(*(set(run.case_ids) for run in runs.values()))
    if not shared:
        raise DatasetError(
            "The runs have no case in common.",
            expected="predictions of the same cases: all out-of-fold, or all of one test set",
            got="; ".join(f"{name}: {len(run.case_ids)} cases" for name, run in runs.items()),
            remedy="A name is that of a model's out-of-fold predictions; name a folder or file of "
            "predictions for a test set.",
        )
    order = sorted(shared)
    aligned = {name: _ordered(run, order, first.classes) for name, run in runs.items()}
    _check_truths(aligned)
    folds = {run.folds for run in aligned.values()}
    warning = "the runs were not made on the same folds" if len(folds) > 1 else ""
    return AlignedRuns(aligned, tuple(sorted(everything - shared)), warning)


def _ordered(
    run: LabelledPredictions, order: list[str], classes: tuple[str, ...]
) -> LabelledPredictions:
    at = {case: index for index, case in enumerate(run.case_ids)}
    part = run.part(np.array([at[case] for case in order]))
    columns = np.array([run.classes.index(name) for name in classes])
    back = np.argsort(columns)
    return replace(
        part,
        truth=back[part.truth],
        predicted=back[part.predicted],
        probabilities=part.probabilities[:, columns],
        members={fold: values[:, columns] for fold, values in part.members.items()},
        classes=classes,
        prior=tuple(part.prior[index] for index in columns) if part.prior else (),
    )


def _check_truths(runs: Mapping[str, LabelledPredictions]) -> None:
    name, first = next(iter(runs.items()))
    faults = []
    for other, run in runs.items():
        for index, case in enumerate(first.case_ids):
            if run.truth[index] != first.truth[index]:
                truths = (run.classes[run.truth[index]], first.classes[first.truth[index]])
                faults.append(f"{case}: {truths[1]} in {name}, {truths[0]} in {other}")
            elif run.patients[index] != first.patients[index]:
                faults.append(f"{case}: another patient in {other}")
    if faults:
        raise DatasetError(
            f"{len(faults)} case(s) have different labels in the runs.",
            expected="one label and one patient for each case",
            got="\n    " + "\n    ".join(faults[:50]),
        )
