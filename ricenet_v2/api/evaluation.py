"""Metrics with intervals: of the folds of a dataset, of predictions with labels, of seeds."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ricenet_v2.api import access
from ricenet_v2.api.evaluation_result import EvaluationResult, MetricOptions
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of, table_of
from ricenet_v2.api.public import public
from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.options import check_resampling
from ricenet_v2.evaluation import evaluate as metrics
from ricenet_v2.evaluation import (
    evaluation_input,
    further_metrics,
    predictive_values,
    repeats,
    retained_checks,
    sanity,
    thresholds,
    write,
)
from ricenet_v2.evaluation import seeds as training_seeds
from ricenet_v2.evaluation import trainings as trainings_of
from ricenet_v2.evaluation.centres import (
    centres_of,
    held_out_of,
    named,
    remove_centres,
    write_centres,
)
from ricenet_v2.evaluation.curves.draw import curves_of
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.prior_shift import with_prior
from ricenet_v2.evaluation.selection import selection_of
from ricenet_v2.records.centres import Centres
from ricenet_v2.records.metrics import Evaluation
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.store.paths import METRICS_JSON, SANITY_JSON, ModelPaths
from ricenet_v2.store.seeds import seed_models

__all__ = ["evaluate", "evaluate_seeds"]

T = TypeVar("T")
OUT_OF_FOLD = "out-of-fold"


@public
def evaluate(
    dataset: DatasetInput | None = None,
    options: MetricOptions | None = None,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: PathInput | None = None,
    truth: PathInput | None = None,
    output: PathInput | None = None,
    workspace: PathInput | None = None,
    observer: Callable[[EvaluationResult], None] | None = None,
) -> EvaluationResult:
    """Evaluate the pooled out-of-fold predictions of a dataset, or predictions with labels.

    Args:
        dataset: Id, name or path of the raw dataset folder; its out-of-fold predictions are
            evaluated unless `predictions` are named, whose thresholds and labels are then its own.
        options: Metrics, thresholds and checks to compute.
        plan: Name of the plan.
        channels: Label of the model's channels.
        predictions: predictions.csv, or its folder, that is evaluated instead.
        truth: Table with case_id and label, optionally patient_id and covariates. Where None,
            predictions of a dataset are judged by the labels of its cases.csv; with a dataset alone
            and a table, its folds are evaluated by the table.
        output: Folder for metrics.json, curves and checks; of the folds of a dataset that of the
            model where None; of predictions nothing is written where None.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        observer: Is called with the result before it is written.

    Returns:
        Metrics with intervals, curves and checks.

    Raises:
        DatasetError: Folds, labels or predictions are missing, or do not fit each other.

    Example:
        >>> result = rn.evaluate("1", rn.MetricOptions(n_bootstrap=200), workspace=space)
        >>> [metric.name for metric in result.evaluation.metrics][:2]
        ['macro F1', 'balanced accuracy']
    """
    chosen = options or MetricOptions()
    paths = None if dataset is None else paths_of(dataset, workspace)
    model = None if paths is None else paths.run(plan, channels)
    table = None if predictions is None else table_of(predictions)
    with access.evaluating(model, table, as_path(output)):
        place = (plan, channels, as_path(workspace))
        evaluated = _input(None if dataset is None else str(dataset), place, table, truth, chosen)
        if chosen.prior:
            evaluated = with_prior(evaluated, chosen.prior)
        result = _computed(evaluated, chosen, plan, channels)
        folder = as_path(output) or evaluated.output
        if folder is None:
            _notify(observer, result)
            return result
        checks, remark = retained_checks.with_retained(
            result.checks, evaluated, folder / SANITY_JSON
        )
        result = dataclasses.replace(result, checks=checks, remark=remark, folder=folder)
        _notify(observer, result)
        _write(folder, result)
        return result


@public
def evaluate_seeds(
    dataset: DatasetInput,
    seeds: Sequence[int] = (),
    *,
    plan: str = "auto",
    channels: str = "all",
    positive_class: str | None = None,
    output: PathInput | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: PathInput | None = None,
) -> SeedVariance:
    """Compare trainings that differ only in their random seed.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        seeds: Seeds of the trainings; all that exist where none is named.
        plan: Name of the plan.
        channels: Label of the model's channels.
        positive_class: Positive class of two; that of the training where None.
        output: Folder for seeds.json; that of the model where None.
        n_bootstrap: Bootstrap samples of an interval.
        seed: Random seed of the resampling.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        Each metric for every seed, and its variation.

    Raises:
        DatasetError: There are no such trainings, or they cannot be compared.

    Example:
        >>> options = rn.TrainOptions(epochs=1, overrides=short)
        >>> place = {"workspace": space, "device": "cpu"}
        >>> trained = rn.train_folds("1", options=options, seeds=[1, 2], **place)
        >>> rn.evaluate_seeds("1", [1, 2], n_bootstrap=200, workspace=space).seeds
        (1, 2)
    """
    check_resampling(n_bootstrap, seed)
    return variance_of_seeds(
        dataset,
        seeds,
        plan=plan,
        channels=channels,
        positive_class=positive_class,
        output=as_path(output),
        n_bootstrap=n_bootstrap,
        seed=seed,
        workspace=as_path(workspace),
    )[0]


def variance_of_seeds(
    dataset: DatasetInput,
    seeds: Sequence[int],
    *,
    plan: str,
    channels: str,
    positive_class: str | None,
    output: Path | None,
    n_bootstrap: int,
    seed: int,
    workspace: Path | None,
    observer: Callable[[SeedVariance], None] | None = None,
) -> tuple[SeedVariance, Path]:
    """The variance, and the folder that it is written to; see `evaluate_seeds`."""
    model = paths_of(dataset, workspace).run(plan, channels)
    with access.evaluating(model, None, output):
        trainings = trainings_of.read_trainings(str(dataset), plan, channels, workspace, seeds)
        index = trainings_of.positive_of_trainings(trainings, positive_class)
        options = metrics.EvaluationOptions(index, n_bootstrap=n_bootstrap, seed=seed)
        variance = training_seeds.variance(trainings, options)
        variance = dataclasses.replace(variance, command=invocation())
        folder = output or trainings.folder
        _notify(observer, variance)
        training_seeds.write_seeds(folder, variance)
        return variance, folder


def _notify(observer: Callable[[T], None] | None, result: T) -> None:
    if observer is not None:
        observer(result)


def _input(
    dataset: str | None,
    place: tuple[str, str, Path | None],
    predictions: Path | None,
    truth: PathInput | None,
    options: MetricOptions,
) -> EvaluationInput:
    """The predictions that are evaluated; `place` is plan, channels and workspace."""
    positive, labels = options.positive_class, as_path(truth)
    if dataset is not None and predictions is not None:
        return evaluation_input.of_dataset(
            dataset, *place, predictions, labels, positive, allow_missing=options.allow_missing
        )
    if dataset is not None:
        return evaluation_input.out_of_fold(dataset, *place, positive, labels)
    if predictions is None:
        raise DatasetError(
            "No predictions to evaluate were given.",
            expected="a dataset, or --predictions FILE --truth FILE",
        )
    return evaluation_input.of_file(
        predictions, labels, positive, allow_missing=options.allow_missing
    )


def _computed(
    evaluated: EvaluationInput, options: MetricOptions, plan: str, channels: str
) -> EvaluationResult:
    labelled, positive = evaluated.labelled, evaluated.positive
    of_metrics = metrics.EvaluationOptions(
        positive=positive,
        n_bootstrap=options.n_bootstrap,
        seed=options.seed,
        subgroups=None if options.subgroups is None else tuple(options.subgroups),
        bands=tuple(options.bands),
    )
    if evaluated.source == OUT_OF_FOLD:
        chosen = thresholds.chosen_thresholds(
            labelled, positive, options.sensitivities, options.specificities
        )
    else:
        file = as_path(options.thresholds)
        chosen = evaluation_input.stored_thresholds(evaluated, file)
        cuts = evaluation_input.stored_cuts(evaluated, file)
        of_metrics = dataclasses.replace(of_metrics, cuts=cuts)
    applied = thresholds.applied(chosen, labelled, of_metrics.level)
    shares = predictive_values.prevalences(options.prevalences, labelled, positive)
    evaluation = metrics.evaluate(labelled, of_metrics, evaluated.title, evaluated.source, applied)
    evaluation = predictive_values.with_prevalences(evaluation, labelled, shares)
    selection = ""
    if evaluated.dataset is not None and evaluated.source == OUT_OF_FOLD:
        selection = selection_of(evaluated.dataset.run(plan, channels))
    if evaluated.repeats:
        further = [
            predictive_values.with_prevalences(
                metrics.evaluate(each, of_metrics, evaluated.title, evaluated.source), each, shares
            )
            for each in evaluated.repeats
        ]
        evaluation = repeats.over_repeats([evaluation, *further])
    evaluation = dataclasses.replace(evaluation, selection=selection, command=invocation())
    of_checks = sanity.SanityOptions(
        options.permutation_test or 0,
        size_and_spacing=options.size_and_spacing,
        seed=options.seed,
    )
    checks = sanity.check(evaluated, of_checks)
    evaluation, centres = _with_centres(evaluated, evaluation)
    seeds: tuple[int, ...] = ()
    if evaluated.dataset is not None and evaluated.source == OUT_OF_FOLD:
        existing = tuple(seed_models(evaluated.dataset, plan, channels))
        seeds = existing if len(existing) > 1 else ()
    curves = curves_of(labelled, positive, title=evaluated.title)
    return EvaluationResult(evaluation, curves, checks, centres, seeds)


def _with_centres(
    evaluated: EvaluationInput, evaluation: Evaluation
) -> tuple[Evaluation, Centres | None]:
    """The evaluation with the centres in the names of its folds, and their metrics."""
    if evaluated.output is None:
        return evaluation, None
    column, names = held_out_of(ModelPaths(evaluated.output.parent))
    if not column:
        return evaluation, None
    evaluation = named(evaluation, column, names)
    centres = centres_of(evaluated.labelled, evaluation, evaluated.positive, column, names)
    return evaluation, dataclasses.replace(centres, command=invocation())


def _write(folder: Path, result: EvaluationResult) -> None:
    """Write everything, in place of what an earlier evaluation wrote."""
    further_metrics.warn_of_missing(result.evaluation, folder / METRICS_JSON)
    write.write_metrics(folder, result.evaluation)
    write.write_curves(folder, result.curves)
    if result.centres is None:
        remove_centres(folder)
    else:
        write_centres(folder, result.centres)
    documents.write(folder / SANITY_JSON, result.checks)
