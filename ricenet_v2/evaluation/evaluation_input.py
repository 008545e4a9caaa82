"""The input of an evaluation: the folds of a dataset, or a file of predictions."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.centres import scheme_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.pooling import finished_repeats, pool
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.evaluation.thresholds import OUT_OF_FOLD, chosen_thresholds, default_thresholds
from ricenet_v2.inference.prior import corrected, mean_shares
from ricenet_v2.inference.recalibration import predictions_beside, recalibrated
from ricenet_v2.records.metrics import Cut, Evaluation, Source, Threshold
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.fold_paths import VALIDATION_CSV
from ricenet_v2.store.metrics_files import metrics_file, named_metrics_file
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON, DatasetPaths, ModelPaths
from ricenet_v2.store.positive import positive_of
from ricenet_v2.store.raw import read_dataset
from ricenet_v2.store.workspace import dataset_paths

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class EvaluationInput:
    """Predictions with their origin and context.

    Attributes:
        labelled: Predictions with truths.
        positive: Index of the class that metrics of two classes are about.
        title: Title of the predictions.
        source: Out-of-fold or a test set.
        output: Where metrics are written unless the user says otherwise.
        thresholds: metrics.json with thresholds for a test set, where there is one.
        provenance: Provenance of the predictions, if a predictions.json beside them states it.
        dataset: Folders of the dataset, where it is known.
        model: Files of the folds that predicted, where they are known.
        predictions: The file, of a test set.
        repeats: The same cases as held out of further repeats of the folds.
    """

    labelled: LabelledPredictions
    positive: int
    title: str
    source: Source
    output: Path | None = None
    thresholds: Path | None = None
    provenance: Predictions | None = None
    dataset: DatasetPaths | None = None
    model: ModelPaths | None = None
    predictions: Path | None = None
    repeats: tuple[LabelledPredictions, ...] = ()


def out_of_fold(
    dataset: str,
    plan: str,
    channels: str,
    workspace: Path | None,
    positive: str | None = None,
    truth: Path | None = None,
) -> EvaluationInput:
    """The pooled folds of a model; they are written to crossval/validation.csv.

    Labels and patients are those that the folds were trained with, or those of a table of truths;
    metrics of such have no folder of their own, since all else there is of the former.
    """
    paths = dataset_paths(dataset, workspace)
    model = paths.run(plan, channels)
    table = paths.raw / CASES_CSV
    labelled = pool(model, dataset, table, truth)
    further = [repeat for repeat in finished_repeats(model) if repeat > 0]
    by = f", judged by {short_name(truth)}" if truth is not None else ""
    return EvaluationInput(
        labelled,
        positive_index(labelled, positive or positive_of(model, paths.raw)),
        f"{paths.name}, {model.folder.name}: out-of-fold{scheme_of(model)}, pooled{by}",
        "out-of-fold",
        output=model.crossval if truth is None else None,
        dataset=paths,
        model=model,
        repeats=tuple(pool(model, dataset, table, truth, repeat) for repeat in further),
    )


def of_dataset(
    dataset: str,
    plan: str,
    channels: str,
    workspace: Path | None,
    predictions: Path,
    truth: Path | None,
    positive: str | None = None,
    *,
    allow_missing: bool = False,
) -> EvaluationInput:
    """Predictions of new cases by a model of a dataset; its cases.csv has the truths."""
    paths = dataset_paths(dataset, workspace)
    model = paths.run(plan, channels)
    table = truth or paths.raw / CASES_CSV
    described = next((p for p in (model.dataset, paths.raw / DATASET_JSON) if p.is_file()), None)
    named = read_dataset(described).classes if described else ()
    labelled = read_labelled(predictions, table, allow_missing=allow_missing, named=named)
    provenance = predictions_beside(predictions)
    is_fused = provenance is not None and bool(provenance.covariates)
    stored = metrics_file(model.fused if is_fused else model.crossval)
    return EvaluationInput(
        labelled,
        positive_index(labelled, positive or positive_of(model, paths.raw)),
        short_name(predictions),
        "test",
        thresholds=stored if stored.is_file() else None,
        provenance=provenance,
        dataset=paths,
        model=model,
        predictions=predictions,
    )


def of_file(
    predictions: Path,
    truth: Path | None,
    positive: str | None = None,
    *,
    allow_missing: bool = False,
) -> EvaluationInput:
    """A file of predictions; one with a column `fold` is out-of-fold."""
    labelled = read_labelled(predictions, truth, allow_missing=allow_missing)
    source: Source = "out-of-fold" if labelled.folds else "test"
    return EvaluationInput(
        labelled,
        positive_index(labelled, positive),
        short_name(predictions),
        source,
        provenance=predictions_beside(predictions),
    )


def short_name(path: Path) -> str:
    """Folder and file name alone: whole paths reveal a machine and its user, and are copied on."""
    return "/".join(part for part in path.parts[-2:] if part not in {path.anchor, ".."})


def short_names(runs: Iterable[str]) -> dict[str, str]:
    """Runs by a name without the rest of their path; equal ones are numbered."""
    by_name: dict[str, str] = {}
    for run in dict.fromkeys(runs):
        name = short_name(Path(run))
        n_same = sum(short_name(Path(other)) == name for other in by_name.values())
        by_name[f"{name} ({n_same + 1})" if n_same else name] = run
    return by_name


def positive_index(labelled: LabelledPredictions, name: str | None) -> int:
    """Index of a class, of the last one where None.

    Raises:
        DatasetError: There is no such class.
    """
    if name is not None and name not in labelled.classes:
        raise DatasetError(
            "There is no such class.",
            expected=", ".join(labelled.classes),
            got=name,
            remedy="Specify one of these with --positive_class.",
        )
    return labelled.classes.index(name or labelled.classes[-1])


def stored_thresholds(evaluated: EvaluationInput, file: Path | None) -> list[Threshold]:
    """Thresholds for a test set: those of a metrics.json, else the default alone.

    Of calibrated predictions, and of those for another prior, they are chosen again, on the
    out-of-fold predictions beside metrics.json, calibrated and corrected in the same way. Shares of
    votes have the default alone: the others are of probabilities.

    Args:
        evaluated: The predictions that are evaluated.
        file: metrics.json of out-of-fold predictions; that of the model where None.

    Raises:
        DatasetError: The file holds metrics of a test set: thresholds are never chosen on one; or
            the predictions are calibrated, or for another prior, and there is nothing to choose
            again on.
    """
    path = named_metrics_file(file) if file is not None else evaluated.thresholds
    if path is None:
        return default_thresholds(evaluated.labelled, evaluated.positive)
    evaluation = documents.read(Evaluation, path)
    if evaluation.source != "out-of-fold":
        raise DatasetError(
            "Thresholds of a test set are not used.",
            file=path,
            expected="metrics.json of out-of-fold predictions (in the folder crossval)",
            got=f"metrics of {evaluation.title}",
        )
    provenance = evaluated.provenance
    if provenance is not None and provenance.combine == "vote":
        logger.warning("%s: thresholds for probabilities do not apply to vote proportions.", path)
        return default_thresholds(evaluated.labelled, evaluated.positive)
    if (
        evaluation.thresholds
        and provenance is not None
        and (provenance.applied or provenance.prior_named)
    ):
        return _chosen_again(evaluation, path.with_name(VALIDATION_CSV), provenance)
    return list(evaluation.thresholds) or default_thresholds(evaluated.labelled, evaluated.positive)


def stored_cuts(evaluated: EvaluationInput, file: Path | None) -> tuple[Cut, ...]:
    """Cuts of the out-of-fold cases into subgroups, so that a test set is cut there too.

    Args:
        evaluated: The predictions that are evaluated.
        file: metrics.json of out-of-fold predictions; that of the model where None.
    """
    path = named_metrics_file(file) if file is not None else evaluated.thresholds
    return () if path is None else documents.read(Evaluation, path).cuts


def _chosen_again(evaluation: Evaluation, file: Path, provenance: Predictions) -> list[Threshold]:
    """The thresholds of an evaluation for predictions that were calibrated or moved to a prior."""
    if not file.is_file():
        raise DatasetError(
            "The predictions are calibrated or for another prior, but the thresholds are not.",
            file=file,
            expected="the out-of-fold predictions, on which thresholds are chosen in the same way",
            remedy="Run ricenet_evaluate DATASET with --plan and --channels of the model, or name "
            "metrics.json in its folder crossval with --thresholds.",
        )
    labelled = transformed_as(read_labelled(file), provenance)
    targets = {each.name.rpartition(" at least ")[::2] for each in evaluation.thresholds}
    sensitivities, specificities = (
        sorted(float(value) for name, value in targets if name == what)
        for what in ("sensitivity", "specificity")
    )
    positive = positive_index(labelled, evaluation.positive_class or None)
    chosen = chosen_thresholds(labelled, positive, sensitivities, specificities)
    how = [OUT_OF_FOLD]
    if provenance.applied is not None:
        how.append(f"calibrated with the same {provenance.applied.description}")
    if provenance.prior_named:
        how.append("corrected for the same prior")
    return [
        dataclasses.replace(each, chosen_on=", ".join(how))
        if each.chosen_on == OUT_OF_FOLD
        else each
        for each in chosen
    ]


def transformed_as(labelled: LabelledPredictions, provenance: Predictions) -> LabelledPredictions:
    """Out-of-fold predictions calibrated, and moved to the prior, as an ensemble's were."""
    before = _priors_of(labelled, provenance)
    probabilities = recalibrated(labelled.probabilities, provenance.applied, before)
    if provenance.prior_named:
        n_classes = len(labelled.classes)
        before = np.full((1, n_classes), 1 / n_classes) if before is None else before
        probabilities = corrected(probabilities, before, provenance.prior)
    return dataclasses.replace(labelled, probabilities=probabilities, prior=provenance.prior)


def _priors_of(
    labelled: LabelledPredictions, provenance: Predictions
) -> NDArray[np.float64] | None:
    """Class shares that each case's probabilities are right for, axes (cases, classes).

    None of an older model: they are of equally frequent classes, where its plan balances them.
    """
    if not provenance.priors:
        return None
    shares = {each.fold: each.prior.shares for each in provenance.priors}
    everywhere = mean_shares(list(shares.values()))  # of a fold that did not predict
    folds = labelled.folds or (-1,) * len(labelled)
    return np.array([shares.get(fold, everywhere) for fold in folds])
