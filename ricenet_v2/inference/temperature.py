"""Temperature scaling: applying what ricenet_calibrate fitted."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax

from ricenet_v2.core import documents
from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.records.calibration import Calibration
from ricenet_v2.store.paths import ModelPaths

LEAST = 1e-12
"""Probabilities below this count as this, since the logarithm of 0 is not a number."""

Floats = NDArray[np.float64]


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities (..., classes) of logits that are divided by the temperature."""
    logs = np.log(np.clip(probabilities, LEAST, 1))
    found: Floats = np.exp(log_softmax(logs / temperature, axis=-1))
    return found


def temperature_of(model: ModelPaths) -> float:
    """The temperature that is stored with a model.

    Raises:
        CheckpointError: There is none, or a fold was trained anew since it was fitted.
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
    return found.temperature
