"""Temperature scaling: applying what ricenet_calibrate fitted."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.records.prediction import Predictions
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON, ModelPaths

LEAST = 1e-12
"""Probabilities below this count as this, since the logarithm of 0 is not a number."""
LIMITS = (0.05, 20.0)
"""Temperatures between which one is looked for."""
_NEAR = 1e-6

Floats = NDArray[np.float64]


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities (..., classes) of logits that are divided by the temperature."""
    logs = np.log(np.clip(probabilities, LEAST, 1))
    found: Floats = np.exp(log_softmax(logs / temperature, axis=-1))
    return found


def temperature_of(model: ModelPaths) -> float:
    """The temperature that is stored with a model.

    Raises:
        CheckpointError: There is none, a fold was trained anew since it was fitted, or it met a
            limit of the fit.
    """
    remedy = "Run ricenet_calibrate with the dataset, plan and channels of this model."
    if not model.calibration.is_file():
        raise CheckpointError(
            "This model is not calibrated.", file=model.calibration, remedy=remedy
        )
    found = documents.read(Calibration, model.calibration)
    changed = [
        name
        for name, digest in found.fitted_on.items()
        if (model.folder / name).is_file() and sha256_of_file(model.folder / name) != digest
    ]
    if changed:
        raise CheckpointError(
            "The temperature was fitted on other out-of-fold predictions.",
            file=model.calibration,
            got=f"changed since: {', '.join(changed)}",
            remedy=remedy,
        )
    if has_met_limit(found.temperature):
        raise CheckpointError(
            "The temperature of this model met a limit of the fit and says nothing.",
            file=model.calibration,
            expected=f"a temperature between {LIMITS[0]} and {LIMITS[1]}",
            got=f"{found.temperature:.3g}: {found.warning}",
            remedy="Predict without --calibrated.",
        )
    return found.temperature


def has_met_limit(temperature: float) -> bool:
    """Whether the likelihood wanted a temperature beyond the limits, so that none is right."""
    return not LIMITS[0] * (1 + _NEAR) < temperature < LIMITS[1] * (1 - _NEAR)


def check_as_fitted(checkpoint: str = "final", *, mirror: bool = True) -> None:
    """Refuse to scale what the temperature was not fitted on.

    Args:
        checkpoint: Whose predictions are scaled; that of validation.csv is `final`.
        mirror: Whether they are averaged over mirrorings, as those of validation.csv are.

    Raises:
        DatasetError: They are others.
    """
    if checkpoint != "final" or not mirror:
        raise DatasetError(
            "The temperature was fitted on other predictions than these.",
            expected="the final checkpoint, averaged over mirrorings, as in validation.csv",
            got=f"checkpoint {checkpoint}" + ("" if mirror else ", no mirroring"),
            remedy="Leave out --calibrated, or --checkpoint and --no_tta.",
        )


def temperature_of_predictions(file: Path) -> float | None:
    """The temperature that a predictions.csv was made with, from the predictions.json beside it."""
    beside = file.with_name(PREDICTIONS_JSON)
    if file.name != PREDICTIONS_CSV or not beside.is_file():
        return None
    return documents.read(Predictions, beside).temperature
