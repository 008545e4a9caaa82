"""The out-of-fold predictions of all folds of one model, pooled."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.command import text_of
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.evaluation.tabular.since import check_covariates
from ricenet_v2.records.run import Run
from ricenet_v2.store import tables
from ricenet_v2.store.as_trained import check_as_trained, check_since, read_validation
from ricenet_v2.store.fold_paths import VALIDATION_CSV
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import ModelPaths

logger = logging.getLogger(__name__)

_HASH = re.compile("[0-9a-f]{64}")


def pool(
    model: ModelPaths, dataset: str, table: Path | None = None, truth: Path | None = None
) -> LabelledPredictions:
    """Write crossval/validation.csv with a column `fold`, and read it.

    Args:
        model: Files of the folds.
        dataset: Name of the dataset, for the error message.
        table: cases.csv, which is compared with what the folds were trained on and holds
            the covariates; nothing is compared where it does not exist.
        truth: Table of labels and patients that take the place of those of the folds.

    Raises:
        DatasetError: A fold was not trained to its end, the folds are of different models, or their
            cases, labels or patients are not those that they were trained on, or not those of
            `table` any more.
    """
    runs = _finished(model, dataset)
    _check_same(runs, model)
    rows = read_validation(model, runs)
    existing_table = table if table is not None and table.is_file() else None
    check_as_trained(model, runs, rows, existing_table, is_judged_anew=truth is not None)
    if existing_table is not None:
        check_since(model, runs, rows, existing_table, is_judged_anew=truth is not None)
        check_covariates(model, existing_table)
    pooled = [{**row, "fold": str(fold)} for fold, fold_rows in rows.items() for row in fold_rows]
    tables.write_rows(model.crossval / VALIDATION_CSV, pooled)
    labelled = read_labelled(model.crossval / VALIDATION_CSV, truth, covariates=existing_table)
    return dataclasses.replace(labelled, prior=_prior(runs, model))


def priors_of_folds(model: ModelPaths, folds: Sequence[int]) -> dict[int, tuple[float, ...]]:
    """Class shares of the training cases of folds that say so, by fold."""
    runs = {fold: documents.read(Run, model.fold(fold).run) for fold in folds}
    return {fold: run.prior.shares for fold, run in runs.items() if run.prior is not None}


def _prior(runs: dict[int, Run], model: ModelPaths) -> tuple[float, ...]:
    """Class shares of all training cases, of which each fold lacks a part."""
    priors = [run.prior for run in runs.values()]
    known = [prior for prior in priors if prior is not None]
    if len(known) < len(priors):
        logger.warning(
            "%s: an older version trained these folds, and their probabilities are not corrected "
            "for the prior of the training cases.",
            model.folder,
        )
        return ()
    counts = np.sum([prior.counts for prior in known], axis=0)
    return tuple((counts / counts.sum()).tolist())


def _finished(model: ModelPaths, dataset: str) -> dict[int, Run]:
    """The run of each fold."""
    runs = runs_of(model)
    runs = {fold: run for fold, run in runs.items() if model.fold(fold).validation.is_file()}
    n_folds = max((run.n_folds for run in runs.values()), default=Run.n_folds)
    faults = {
        "not there": [fold for fold in range(n_folds) if fold not in runs],
        "not finished": [fold for fold, run in runs.items() if not run.is_finished],
    }
    incomplete = [
        f"{what}: fold {', '.join(map(str, folds))}" for what, folds in faults.items() if folds
    ]
    if incomplete:
        raise DatasetError(
            "Some folds are not trained.",
            file=model.folder,
            expected=f"validation.csv and a finished run.json in the folds 0 to {n_folds - 1}",
            got="; ".join(incomplete),
            remedy=f"Run ricenet_train {dataset} all --continue with the same options as before.",
        )
    return runs


def _first_weights(run: Run, *, are_one_file: bool) -> object:
    """Key that the folds must share: one file, or the same fold of one earlier training each."""
    source = run.pretrained
    if source is None or are_one_file:
        return source and source.sha256
    is_own_fold = (source.dataset, source.fold) == (run.dataset, run.fold)
    return "the same fold of an earlier training" if is_own_fold else source.sha256


def _folds_described(runs: Mapping[int, Run], folds: Sequence[int], key: object) -> str:
    """The folds that share something; a hash says nothing, their command may."""
    named = f"folds {', '.join(map(str, folds))}"
    run = runs[folds[0]]
    if not (isinstance(key, str) and _HASH.fullmatch(key)):
        return f"{named}: {key}"
    first = f", first weights {run.pretrained.file}" if run.pretrained else ""
    return f"{named}: trained by {text_of(run.command) or 'another command'}{first}"


def _check_same(runs: dict[int, Run], model: ModelPaths) -> None:
    """Refuse to pool folds of different models; their seeds may differ, which are chance."""
    files = {run.pretrained and run.pretrained.sha256 for run in runs.values()}
    are_one_file = len(files) == 1
    what: dict[str, Callable[[Run], object]] = {
        "number of epochs": lambda run: run.epochs,
        "plan and settings": lambda run: run.plan_hash,
        "channels": lambda run: run.channels,
        "numbers of folds": lambda run: run.n_folds,
        "groups held out": lambda run: run.group,
        "preprocessed cases": lambda run: run.preprocessed_hash,
        "versions, of which one corrects for the prior": lambda run: run.prior is not None,
        "pretrained weights": lambda run: _first_weights(run, are_one_file=are_one_file),
    }
    for name, value in what.items():
        groups: dict[object, list[int]] = {}
        for fold, run in runs.items():
            groups.setdefault(value(run), []).append(fold)
        if len(groups) > 1:
            descriptions = [_folds_described(runs, folds, key) for key, folds in groups.items()]
            commands = dict.fromkeys(going_on(model.fold(fold).folder) for fold in runs)
            raise DatasetError(
                f"The folds were trained with different {name}, so they cannot be pooled.",
                file=model.folder,
                expected="the same plan, settings and cases in all folds",
                got="; ".join(descriptions),
                remedy="Move the folders of the folds that differ away and train them as the "
                "others: " + " or ".join(commands),
            )
