"""Applying what ricenet_calibrate fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_softmax

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError, DocumentError
from ricenet_v2.core.types import Floats
from ricenet_v2.inference.temperature import LEAST, LIMITS, has_met_limit
from ricenet_v2.records.calibration import Calibration, Form
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.records.prior import Recalibration
from ricenet_v2.store.fitted_on import check_unchanged
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON, ModelPaths

NOTHING: Form = "nothing"
TEMPERATURE: Form = "temperature"
SLOPE_AND_OFFSET: Form = "slope and offset"


def recalibrated(
    probabilities: Floats, by: Recalibration | None, prior: ArrayLike | None = None
) -> Floats:
    """Probabilities whose logits, of equally frequent classes, are multiplied by a slope and moved.

    The prior is taken out before and put in again: a network is overconfident about the images, not
    about how frequent the classes are.

    Args:
        probabilities: Axes (..., classes).
        by: Slope and offsets; nothing is changed, to the bit, where None.
        prior: Class shares that the probabilities are right for, shape (classes,) or
            (..., classes); equal ones where None.
    """
    if by is None:
        return probabilities
    shares = log_shares(prior)
    logs = (np.log(np.clip(probabilities, LEAST, 1)) - shares) * by.slope + shares
    if by.offsets:
        logs = logs + np.asarray(by.offsets)
    calibrated: Floats = np.exp(log_softmax(logs, axis=-1))
    return calibrated


def log_shares(prior: ArrayLike | None) -> Floats:
    """Logarithms of class shares; 0 where there are none, and for a class without a share."""
    shares = np.asarray([1.0] if prior is None else prior, dtype=np.float64)
    logs: Floats = np.log(np.where(shares > 0, shares, 1.0))
    return logs


def applied_by(calibration: Calibration) -> Recalibration | None:
    """Calibration that changes probabilities; None if it changes nothing."""
    if calibration.form == NOTHING:
        return None
    if calibration.form == TEMPERATURE:
        return Recalibration(1 / calibration.temperature)
    return Recalibration(calibration.slope, calibration.offsets)


def calibration_of(model: ModelPaths) -> Calibration:
    """Calibration that is stored with a model.

    Raises:
        CheckpointError: There is none, as for a network of all training cases; a fold was trained
            again since it was fitted, or its temperature met a limit of the fit.
    """
    remedy = _made_by(model)
    if any(run.is_full for run in runs_of(model).values()):
        raise CheckpointError(
            "This network was trained on all training cases, so no out-of-fold predictions exist "
            "that it could be calibrated on.",
            file=model.folder,
            remedy="Predict without --calibrated, or predict with the folds.",
        )
    if not model.calibration.is_file():
        raise CheckpointError(
            "This model is not calibrated.", file=model.calibration, remedy=remedy
        )
    calibration = read_calibration(model)
    check_unchanged("calibration", model.calibration, model, calibration.fitted_on, remedy)
    if calibration.form == TEMPERATURE and has_met_limit(calibration.temperature):
        raise CheckpointError(
            "The temperature of this model is at a limit of the fit and means nothing.",
            file=model.calibration,
            expected=f"a temperature between {LIMITS[0]} and {LIMITS[1]}",
            got=f"{calibration.temperature:.3g}: {calibration.warning}",
            remedy="Predict without --calibrated.",
        )
    return calibration


def read_calibration(model: ModelPaths) -> Calibration:
    """Calibration that is stored with a model, whether or not it still fits.

    Raises:
        DocumentError: Missing or damaged; the text names the command that makes it again.
    """
    try:
        return documents.read(Calibration, model.calibration)
    except DocumentError as error:
        remedy = f"{error.remedy or ''} {_made_by(model)}".strip()
        raise error.with_parts(remedy=remedy) from error


def _made_by(model: ModelPaths) -> str:
    """The command that calibrates a model, in words."""
    plan, _, channels = model.folder.name.partition("__")
    options = "" if plan == "auto" else f" -p {plan}"
    options += "" if channels in ("all", "") else f" -c {channels}"
    return f"Run ricenet_calibrate {model.folder.parent.name}{options}."


def check_as_fitted(checkpoint: str = "final", *, mirror: bool = True, fused: bool = False) -> None:
    """Refuse to calibrate, or to add covariates to, what that was not fitted on.

    Args:
        checkpoint: Checkpoint whose predictions are corrected; that of validation.csv is `final`.
        mirror: Whether they are averaged over mirrorings, as those of validation.csv are.
        fused: Whether covariates are added; else they are calibrated.

    Raises:
        DatasetError: They are others.
    """
    if checkpoint != "final" or not mirror:
        what, option = (
            ("fusion", "--covariates_table") if fused else ("calibration", "--calibrated")
        )
        raise DatasetError(
            f"The {what} was fitted on other predictions than these.",
            expected="the final checkpoint, averaged over mirrorings, as in validation.csv",
            got=f"checkpoint {checkpoint}" + ("" if mirror else ", no mirroring"),
            remedy=f"Leave out {option}, or --checkpoint and --no_tta.",
        )


def predictions_beside(file: Path) -> Predictions | None:
    """Provenance of a predictions.csv: the predictions.json beside it; None if there is none."""
    beside = file.with_name(PREDICTIONS_JSON)
    if file.name != PREDICTIONS_CSV or not beside.is_file():
        return None
    return documents.read(Predictions, beside)
