"""Calibration of the probabilities of a model on held-out cases."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ricenet_v2.api import access
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of, table_of
from ricenet_v2.api.public import public
from ricenet_v2.core import documents
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.options import check_resampling
from ricenet_v2.evaluation import evaluation_input
from ricenet_v2.evaluation.calibrate import calibrate as fit
from ricenet_v2.evaluation.calibrate import with_ensemble
from ricenet_v2.evaluation.evaluate import EvaluationOptions
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import PREDICTIONS_JSON

__all__ = ["calibrate"]


@public
def calibrate(
    dataset: DatasetInput,
    *,
    plan: str = "auto",
    channels: str = "all",
    predictions: PathInput | None = None,
    truth: PathInput | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: PathInput | None = None,
) -> Calibration:
    """Fit slope and offsets, or a temperature, on out-of-fold predictions, where that helps.

    A form is fitted only where it lowers the log loss of cases that it was not fitted on. It is
    stored with the model, and `predict` applies it on request.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        channels: Label of the model's channels.
        predictions: predictions.csv of a test set, or its folder, predicted without calibration;
            shows what the calibration does to the ensemble.
        truth: Table with the labels of that test set; cases.csv of the dataset where None.
        n_bootstrap: Bootstrap samples of an interval.
        seed: Random seed of the resampling.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        The fitted calibration, the forms tried, and metrics before and after.

    Raises:
        DatasetError: Folds are missing, or the predictions are calibrated already.

    Example:
        >>> rn.calibrate("1", workspace=space, n_bootstrap=200).n_cases
        15
    """
    check_resampling(n_bootstrap, seed)
    paths, table = paths_of(dataset, workspace), None
    model = paths.run(plan, channels)
    if predictions is not None:
        table = table_of(predictions)
    with access.calibrating(model, table):
        named = (str(dataset), plan, channels, as_path(workspace))
        evaluated = evaluation_input.out_of_fold(*named)
        options = EvaluationOptions(evaluated.positive, n_bootstrap=n_bootstrap, seed=seed)
        calibration = fit(evaluated.labelled, model, options)
        if table is not None:
            test = evaluation_input.of_dataset(*named, table, as_path(truth))
            _check_plain(test.provenance, table)
            calibration = with_ensemble(calibration, test.labelled, options, test.provenance)
        calibration = dataclasses.replace(calibration, command=invocation())
        documents.write(model.calibration, calibration)
        return calibration


def _check_plain(predictions: Predictions | None, file: Path) -> None:
    """Refuse predictions that are not as the calibration finds them."""
    if predictions is None or not (
        predictions.calibrated
        or predictions.applied
        or predictions.prior_named
        or predictions.covariates
    ):
        return
    applied = (
        [f"prior {', '.join(f'{share:.3g}' for share in predictions.prior)}"]
        if predictions.prior_named
        else []
    )
    applied += [predictions.applied.description] if predictions.applied else []
    if predictions.covariates:
        applied.append(f"covariates {', '.join(predictions.covariates)}")
    raise DatasetError(
        "These predictions are calibrated already, for another prior, or have covariates added, "
        "and would be changed twice.",
        file=file,
        got=f"{'; '.join(applied) or '--calibrated'} in {PREDICTIONS_JSON} beside them",
        remedy="Predict the test set without --calibrated, --prior and --covariates_table, and "
        "name that file.",
    )
