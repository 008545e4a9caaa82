"""Fitting the fusion, and what it adds to the image and to the covariates on held-out folds."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.calibration_forms import Cases, parts_of
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluate import EvaluationOptions, metrics_of
from ricenet_v2.evaluation.fusion.covariates import described, values_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.evaluation.tabular.regression import Regression, fit
from ricenet_v2.inference.fusion import columns_of_image, image_logits
from ricenet_v2.inference.prior import predicted_classes
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.records.covariates import Covariate
from ricenet_v2.records.fusion import FusedSide, Fusion
from ricenet_v2.records.metrics import Metric
from ricenet_v2.store.paths import ModelPaths

IMAGE, COVARIATES, BOTH = "image", "covariates", "image and covariates"
_SHOWN = (AUROC, "balanced accuracy", "macro F1", BRIER, "log loss")
_PER_COLUMN = 10
"""Cases of the rarest class for each column below which a warning is given."""


@dataclass(frozen=True)
class Fused:
    """A fusion with the out-of-fold predictions that show what it is worth.

    Attributes:
        fusion: Fitted on all training cases.
        sides: Out-of-fold predictions of both, of the image, and of the covariates.
        comparison: Comparison of these.
    """

    fusion: Fusion
    sides: Mapping[str, LabelledPredictions]
    comparison: Comparison


def fuse(
    labelled: LabelledPredictions,
    covariates: tuple[Covariate, ...],
    model: ModelPaths,
    options: EvaluationOptions,
    n_repeats: int = 1,
) -> Fused:
    """Fit a fusion on out-of-fold predictions, and on all folds but each for its metrics.

    Args:
        labelled: Pooled out-of-fold predictions with their folds and covariates.
        covariates: Encoding of the covariates as numbers.
        model: Model whose validation.csv they came from.
        options: Options of the metrics.
        n_repeats: Repeats of the folds, of which these predictions are the first.

    Raises:
        DatasetError: There is only one fold, or no case of a class.
    """
    _check(labelled, model)
    image = image_logits(labelled.probabilities)
    facts = values_of(covariates, labelled.covariates)
    counts = np.bincount(labelled.truth, minlength=len(labelled.classes))
    prior = tuple((counts / counts.sum()).tolist())
    both = np.hstack([image, facts])
    alone, together = (
        _judged(labelled, _held_out(labelled, values, options.seed), prior)
        for values in (facts, both)
    )
    sides = {BOTH: together, IMAGE: labelled, COVARIATES: alone}
    fitted = _fit(labelled, both, options.seed)
    columns = tuple(column for each in covariates for column in each.columns)
    fusion = Fusion(
        covariates=described(covariates, labelled.covariates),
        classes=labelled.classes,
        columns=(*columns_of_image(labelled.classes), *columns),
        fill=_floats(fitted.standardisation.fill),
        mean=_floats(fitted.standardisation.mean),
        scale=_floats(fitted.standardisation.scale),
        weights=tuple(map(_floats, fitted.weights)),
        intercepts=_floats(fitted.intercepts),
        penalty=fitted.penalty,
        prior=prior,
        n_cases=len(labelled),
        n_patients=labelled.grouping.count,
        seed=options.seed,
        fitted_on={
            f"fold_{fold}/{model.fold(fold).validation.name}": sha256_of_file(
                model.fold(fold).validation
            )
            for fold in sorted(set(labelled.folds))
        },
        compared=tuple(FusedSide(name, _metrics(side, options)) for name, side in sides.items()),
        warning="; ".join(
            filter(None, (_few(int(counts.min()), both.shape[1]), _first_of(n_repeats)))
        ),
    )
    comparison = compare(
        AlignedRuns(sides, ()), options.positive, options.n_bootstrap, options.seed
    )
    return Fused(with_selection(fusion, [model]), sides, with_selection(comparison, [model]))


def _check(labelled: LabelledPredictions, model: ModelPaths) -> None:
    counts = np.bincount(labelled.truth, minlength=len(labelled.classes))
    absent = [name for name, n in zip(labelled.classes, counts, strict=True) if not n]
    n_folds = len(set(labelled.folds))
    if n_folds > 1 and not absent:
        return
    raise DatasetError(
        "Covariates are fused on the out-of-fold predictions of several folds, with cases of every "
        "class.",
        file=model.folder,
        expected=f"at least two folds, and cases of {', '.join(labelled.classes)}",
        got=f"{n_folds} fold{'s' * (n_folds != 1)}"
        + (f", no case of {', '.join(absent)}" if absent else ""),
    )


def _held_out(labelled: LabelledPredictions, values: Floats, seed: int) -> Floats:
    """Probabilities of each fold by a regression that was fitted on the others."""
    folds = np.array(labelled.folds, dtype=np.intp)
    parts = parts_of(Cases(labelled.truth, labelled.probabilities, labelled.patients, folds, None))
    probabilities = np.empty_like(labelled.probabilities)
    for part in np.unique(parts):
        held = parts == part
        known = np.flatnonzero(~held)
        probabilities[held] = _fit(labelled, values, seed, known).probabilities(values[held])
    return probabilities


def _fit(
    labelled: LabelledPredictions, values: Floats, seed: int, chosen: Indices | None = None
) -> Regression:
    at = np.arange(len(labelled)) if chosen is None else chosen
    patients = [labelled.patients[int(index)] for index in at]
    return fit(values[at], labelled.truth[at], patients, len(labelled.classes), seed)


def _judged(
    labelled: LabelledPredictions, probabilities: Floats, prior: tuple[float, ...]
) -> LabelledPredictions:
    """The same cases with other probabilities, for the class shares of the training cases."""
    predicted = predicted_classes(probabilities, prior, labelled.decide)
    return dataclasses.replace(
        labelled, probabilities=probabilities, predicted=predicted, prior=prior
    )


def _metrics(labelled: LabelledPredictions, options: EvaluationOptions) -> tuple[Metric, ...]:
    by_name = {metric.name: metric for metric in metrics_of(labelled, options)}
    return tuple(by_name[name] for name in _SHOWN)


def _few(rarest: int, n_columns: int) -> str:
    if rarest >= _PER_COLUMN * n_columns:
        return ""
    return (
        f"{rarest} cases of the rarest class for {n_columns} columns, fewer than {_PER_COLUMN} for "
        "each: the weights are uncertain"
    )


def _first_of(n_repeats: int) -> str:
    if n_repeats == 1:
        return ""
    return f"fitted on the first of {n_repeats} repeats of the folds, and its metrics are of it"


def _floats(values: Floats) -> tuple[float, ...]:
    return tuple(np.asarray(values, dtype=np.float64).tolist())
