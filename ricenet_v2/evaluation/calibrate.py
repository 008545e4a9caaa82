"""The temperature of a model, and what it does."""

from __future__ import annotations

import dataclasses

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.battery import BRIER, ECE
from ricenet_v2.evaluation.calibration import fit_temperature, slope_and_intercept
from ricenet_v2.evaluation.evaluate import Options, figures_of
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.inference.temperature import scaled
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.figures import Figure
from ricenet_v2.store.paths import ModelPaths

FEW_CASES = 50
_SHOWN = {BRIER, "Brier reliability", "log loss", ECE}
_METHOD = (
    "temperature of highest likelihood on the pooled out-of-fold predictions; interval of Wald on "
    "the logarithm, variance by patient. The figures after scaling take, for each fold, the "
    "temperature of the other folds. Each member of an ensemble is scaled, then they are combined"
)


def calibrate(scored: Scored, model: ModelPaths, options: Options) -> Calibration:
    """Fit the temperature on out-of-fold predictions and tell what it does to them.

    Args:
        scored: Pooled out-of-fold predictions with their folds.
        model: Whose validation.csv they came from.
        options: Of the figures.

    Raises:
        DatasetError: There is only one fold, or its predictions are not of single networks.
    """
    folds = np.array(scored.folds)
    if len(np.unique(folds)) < 2:
        raise DatasetError(
            "A temperature is fitted on the out-of-fold predictions of several folds.",
            file=model.folder,
            expected="at least two folds",
            got=f"{len(np.unique(folds))}",
        )
    found = fit_temperature(scored.truth, scored.probabilities, scored.grouping, options.level)
    after = np.empty_like(scored.probabilities)
    for fold in np.unique(folds):
        others = scored.part(np.flatnonzero(folds != fold))
        own = fit_temperature(others.truth, others.probabilities, others.grouping)
        after[folds == fold] = scaled(scored.probabilities[folds == fold], own.value)
    warnings = [f"only {len(scored)} cases"] if len(scored) < FEW_CASES else []
    if found.met_limit:
        warnings.append("the likelihood has no maximum: every call is right, or none")
    return Calibration(
        temperature=found.value,
        low=found.low,
        high=found.high,
        n_cases=len(scored),
        n_patients=scored.grouping.count,
        method=_METHOD,
        fitted_on={
            f"fold_{fold}/{model.fold(fold).validation.name}": sha256_of_file(
                model.fold(fold).validation
            )
            for fold in sorted(set(scored.folds))
        },
        before=probability_figures(scored, options),
        after=probability_figures(dataclasses.replace(scored, probabilities=after), options),
        warning="; ".join(warnings),
    )


def probability_figures(scored: Scored, options: Options) -> tuple[Figure, ...]:
    """The figures that a temperature changes; calls and ranks of two classes stay as they are."""
    figures = figures_of(scored, options)
    made = [figure for figure in figures if figure.name in _SHOWN]
    return (*made, *slope_and_intercept(scored, options.positive, options.level))


def with_ensemble(found: Calibration, test: Scored, options: Options) -> Calibration:
    """The same with what the temperature does to an ensemble's predictions of a test set.

    Args:
        found: Of the model.
        test: Predictions with the columns of the members, without calibration.
        options: Of the figures.

    Raises:
        DatasetError: The columns of the members are missing.
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
    after = scaled(members, found.temperature).mean(axis=0)
    return dataclasses.replace(
        found,
        ensemble_before=probability_figures(test, options),
        ensemble_after=probability_figures(
            dataclasses.replace(test, probabilities=after, members={}), options
        ),
    )
