"""Recalibration of the probabilities of a model, and its effect on the metrics."""

from __future__ import annotations

import dataclasses

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.calibration import fit_temperature, slope_and_intercept
from ricenet_v2.evaluation.calibration_forms import Cases, choose, fit, parts_of
from ricenet_v2.evaluation.evaluate import EvaluationOptions, metrics_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import BRIER, ECE
from ricenet_v2.evaluation.pooling import priors_of_folds
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.inference.recalibration import (
    NOTHING,
    SLOPE_AND_OFFSET,
    TEMPERATURE,
    applied_by,
    recalibrated,
)
from ricenet_v2.records.calibration import Calibration, Form
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import ModelPaths

FEW_CASES = 50
_SHOWN = {BRIER, "Brier reliability", "log loss", ECE}
_METHODS: dict[Form, str] = {
    NOTHING: "nothing: no form reduced the log loss of held-out cases",
    TEMPERATURE: "temperature by maximum likelihood on the pooled out-of-fold predictions; "
    "Wald interval on the log scale, variance clustered by patient",
    SLOPE_AND_OFFSET: "slope of the log probabilities and an offset of each class, of highest "
    "penalised likelihood on the pooled out-of-fold predictions",
}
_HOW = (
    ". The form is that of the lowest log loss on each fold, fitted on the other folds. The "
    "metrics after calibration take, for each fold, the form chosen and fitted on the other folds "
    "alone. "
    "Each member of an ensemble is calibrated, then they are combined"
)


def calibrate(
    labelled: LabelledPredictions, model: ModelPaths, options: EvaluationOptions
) -> Calibration:
    """Choose and fit a calibration on out-of-fold predictions and report its effect on them.

    Args:
        labelled: Pooled out-of-fold predictions with their folds.
        model: Model whose validation.csv they came from.
        options: Options of the metrics.

    Raises:
        DatasetError: There is only one fold, or its predictions are not of single networks.
    """
    if len(set(labelled.folds)) < 2:
        raise DatasetError(
            "A calibration is fitted on the out-of-fold predictions of several folds.",
            file=model.folder,
            expected="at least two folds",
            got=f"{len(set(labelled.folds))}",
        )
    folds = np.array(labelled.folds, dtype=np.intp)
    shares = priors_of_folds(model, sorted(set(labelled.folds))) if labelled.prior else None
    priors = None if shares is None else np.array([shares[fold] for fold in labelled.folds])
    cases = Cases(labelled.truth, labelled.probabilities, labelled.patients, folds, priors)
    choice = choose(cases)
    fitted = fit(choice.form, cases)
    after = dataclasses.replace(labelled, probabilities=_held_out(cases))
    ends = fit_temperature(
        labelled.truth, labelled.probabilities, labelled.grouping, options.level, priors
    )
    is_temperature = choice.form == TEMPERATURE
    slope = 1.0 if fitted is None else fitted.slope
    calibration = Calibration(
        temperature=1 / slope,
        low=ends.low if is_temperature else None,
        high=ends.high if is_temperature else None,
        n_cases=len(labelled),
        n_patients=labelled.grouping.count,
        method=_METHODS[choice.form] + _HOW,
        fitted_on={
            f"fold_{fold}/{model.fold(fold).validation.name}": sha256_of_file(
                model.fold(fold).validation
            )
            for fold in sorted(set(labelled.folds))
        },
        before=probability_metrics(labelled, options),
        after=probability_metrics(after, options),
        warning=f"only {len(labelled)} cases" if len(labelled) < FEW_CASES else "",
        form=choice.form,
        slope=slope,
        offsets=() if fitted is None else fitted.offsets,
        classes=labelled.classes,
        prior=labelled.prior,
        trials=choice.trials,
    )
    return with_selection(calibration, [model])


def _held_out(cases: Cases) -> Floats:
    """Probabilities of each part by the form that was chosen, and fitted, on the others."""
    calibrated, parts = np.empty_like(cases.probabilities), parts_of(cases)
    for part in np.unique(parts):
        in_part = parts == part
        others = cases.part(~in_part)
        by = fit(choose(others).form, others)
        calibrated[in_part] = cases.part(in_part).by(by)
    return calibrated


def probability_metrics(
    labelled: LabelledPredictions, options: EvaluationOptions
) -> tuple[Metric, ...]:
    """The metrics that a calibration changes; ranks of two classes stay as they are."""
    metrics = metrics_of(labelled, options)
    shown = [metric for metric in metrics if metric.name in _SHOWN]
    return (*shown, *slope_and_intercept(labelled, options.positive, options.level))


def with_ensemble(
    calibration: Calibration,
    test: LabelledPredictions,
    options: EvaluationOptions,
    provenance: Predictions | None = None,
) -> Calibration:
    """Add the effect of the calibration on an ensemble's predictions of a test set.

    Args:
        calibration: Calibration of the model.
        test: Predictions with the columns of the members, without calibration.
        options: Options of the metrics.
        provenance: Provenance of the predictions, with the priors of the members.

    Raises:
        DatasetError: The columns of the members are missing, or their priors.
    """
    if not test.members:
        raise DatasetError(
            "The ensemble's members are not in the file of predictions.",
            expected="columns prob_<class>__fold_<k>, as ricenet_predict writes them",
        )
    members = np.stack(list(test.members.values()))
    if not np.allclose(members.mean(axis=0), test.probabilities, atol=1e-4):
        raise DatasetError(
            "The probabilities are not the mean of the members.",
            expected="predictions made with --combine mean, of these members",
        )
    shares = {each.fold: each.prior.shares for each in provenance.priors} if provenance else {}
    if set(shares) != set(test.members) and calibration.prior:
        raise DatasetError(
            "The predictions do not state which prior their members are corrected for.",
            expected="the predictions.json that ricenet_predict wrote beside them",
        )
    after = np.mean(
        [
            recalibrated(values, applied_by(calibration), shares.get(fold))
            for fold, values in test.members.items()
        ],
        axis=0,
    )
    return dataclasses.replace(
        calibration,
        ensemble_before=probability_metrics(test, options),
        ensemble_after=probability_metrics(
            dataclasses.replace(test, probabilities=after, members={}), options
        ),
    )
