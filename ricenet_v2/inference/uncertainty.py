"""Uncertainty of an ensemble about a case."""

from __future__ import annotations

import numpy as np

from ricenet_v2.core.types import Floats


def entropy(probabilities: Floats) -> Floats:
    """Entropy in nats over the last axis: 0 for certainty, log(classes) where all are alike."""
    logs = np.log(np.where(probabilities > 0, probabilities, 1))
    bits: Floats = np.maximum(0.0, -(probabilities * logs).sum(axis=-1))
    return bits


def disagreement(members: Floats) -> Floats:
    """Mutual information of member and class in nats: 0 where all members agree.

    The entropy of the mean minus the mean of the entropies (Houlsby et al. 2011).

    Args:
        members: Probabilities, axes (members, ..., classes).

    Returns:
        Shape (...).
    """
    shared = entropy(members.mean(axis=0)) - entropy(members).mean(axis=0)
    information: Floats = np.maximum(0.0, shared)
    return information
