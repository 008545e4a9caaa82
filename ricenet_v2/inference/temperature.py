"""Temperature scaling (Guo et al. 2017)."""

from __future__ import annotations

import numpy as np
from scipy.special import log_softmax

from ricenet_v2.core.types import Floats
from ricenet_v2.records.calibration import TEMPERATURE_LIMITS

LEAST = 1e-12
"""Probabilities below this count as this, since the logarithm of 0 is not a number."""
LIMITS = TEMPERATURE_LIMITS
"""Limits between which a temperature is sought."""
_NEAR = 1e-6


def scaled(probabilities: Floats, temperature: float) -> Floats:
    """Probabilities (..., classes) of logits that are divided by the temperature."""
    logs = np.log(np.clip(probabilities, LEAST, 1))
    softened: Floats = np.exp(log_softmax(logs / temperature, axis=-1))
    return softened


def has_met_limit(temperature: float) -> bool:
    """Whether the best temperature lies beyond the limits, so that none is right."""
    return not LIMITS[0] * (1 + _NEAR) < temperature < LIMITS[1] * (1 - _NEAR)
