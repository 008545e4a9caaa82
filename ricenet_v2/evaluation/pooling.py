"""The out-of-fold predictions of all folds of one model, pooled."""

from __future__ import annotations

import dataclasses
import logging
import re
from collections import Counter
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
from ricenet_v2.store.existing import other_models
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import of_repeat, runs_of
from ricenet_v2.store.paths import ModelPaths

logger = logging.getLogger(__name__)

_HASH = re.compile("[0-9a-f]{64}")


def pool(
    model: ModelPaths,
    dataset: str,
    table: Path | None = None,
    truth: Path | None = None,
    repeat: int = 0,
) -> LabelledPredictions:
    """Write crossval/validation.csv with a column `fold`, and read it.

    Further repeats of the folds are written to validation_repeat_1.csv and so on.

    Args:
        model: Files of the folds.
        dataset: Name of the dataset, for the error message.
        table: cases.csv, which is compared with what the folds were trained on and holds
            the covariates; nothing is compared where it does not exist.
        truth: Table of labels and patients that take the place of those of the folds.
        repeat: Number of the division of all cases into folds.

    Raises:
        DatasetError: A fold was not trained to its end, the folds are of different models, or their
            cases, labels or patients are not those that they were trained on, or not those of
            `table` any more.
    """
    runs = _finished(model, dataset, repeat)
    _check_same(runs, model)
    rows = read_validation(model, runs)
    existing_table = table if table is not None and table.is_file() else None
    check_as_trained(model, runs, rows, existing_table, is_judged_anew=truth is not None)
    if existing_table is not None:
        check_since(model, runs, rows, existing_table, is_judged_anew=truth is not None)
        check_covariates(model, existing_table)
    pooled = [{**row, "fold": str(fold)} for fold, fold_rows in rows.items() for row in fold_rows]
    file = model.pooled(repeat)
    tables.write_rows(file, pooled)
    labelled = read_labelled(file, truth, covariates=existing_table)
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


def finished_repeats(model: ModelPaths) -> tuple[int, ...]:
    """Numbers of the repeats whose folds are all trained; of a model with one, 0 or none."""
    runs = {n: run for n, run in runs_of(model).items() if run.is_finished and not run.is_full}
    there = {n: run for n, run in runs.items() if model.fold(n).validation.is_file()}
    counts = Counter((run.repeat, run.folds_of_repeat) for run in there.values())
    return tuple(sorted(repeat for (repeat, needed), n in counts.items() if n == needed))


def _finished(model: ModelPaths, dataset: str, repeat: int) -> dict[int, Run]:
    """The run of each fold of a repeat."""
    runs = runs_of(model)
    if any(run.is_full for run in runs.values()):
        raise _without_metrics(model, dataset)
    runs = of_repeat(runs, repeat)
    runs = {fold: run for fold, run in runs.items() if model.fold(fold).validation.is_file()}
    n_folds = max((run.folds_of_repeat for run in runs.values()), default=Run.n_folds)
    wanted = range(repeat * n_folds, (repeat + 1) * n_folds)
    faults = {
        "not there": [fold for fold in wanted if fold not in runs],
        "not finished": [fold for fold, run in runs.items() if not run.is_finished],
    }
    incomplete = [
        f"{what}: fold {', '.join(map(str, folds))}" for what, folds in faults.items() if folds
    ]
    if incomplete:
        raise DatasetError(
            "Some folds are not trained.",
            file=model.folder,
            expected="validation.csv and a finished run.json in the folds "
            f"{wanted[0]} to {wanted[-1]}",
            got="; ".join(incomplete),
            remedy=f"Run ricenet_train {dataset} all --continue with the same options as before."
            + other_models(model)
            + (
                f" {model.full.folder.name} is a network of all training cases, which has no "
                "out-of-fold metrics."
                if not runs and model.full.folder.is_dir()
                else ""
            ),
        )
    return runs


def _without_metrics(model: ModelPaths, dataset: str) -> DatasetError:
    return DatasetError(
        "This network was trained on all training cases, so it has no out-of-fold predictions and "
        "no metrics of them.",
        file=model.folder,
        expected="the folds of a dataset, or predictions of a test set",
        got="no validation case",
        remedy=f"Train and evaluate the folds (ricenet_train {dataset} all), whose metrics are of "
        "networks trained in the same way on fewer cases; or name predictions of a test set with "
        "--predictions.",
    )


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
        "numbers of repeats": lambda run: run.repeats,
        "held-out cases": lambda run: run.holdout,
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
