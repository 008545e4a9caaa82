"""Whether a stored prediction is consistent: its values follow from each other.

A checksum finds more, but files of earlier versions have none.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from ricenet_v2.core.types import Floats
from ricenet_v2.inference.combining import Combine
from ricenet_v2.inference.networks import Ensemble
from ricenet_v2.inference.uncertainty import disagreement, entropy
from ricenet_v2.records.prediction import CasePrediction

_OF_NETWORKS = 1e-4
"""Largest deviation from 1 of the sum of a network's probabilities, in single precision."""
_OF_SUMS = 1e-9
"""Largest deviation of a value from that computed from the networks' probabilities."""


def inconsistency(case: CasePrediction, ensemble: Ensemble, combine: Combine) -> str:
    """Inconsistency of a prediction, in words; empty if there is none.

    Args:
        case: Prediction of the case, as it was stored.
        ensemble: Ensemble that made the prediction.
        combine: Rule by which its members were combined.
    """
    folds = tuple(member.fold for member in case.members)
    if folds != tuple(ensemble.members):
        return f"it is of the folds {folds}, expected {tuple(ensemble.members)}"
    rows = [case.probabilities, *(member.probabilities for member in case.members)]
    if any(len(row) != len(ensemble.plan.classes) for row in rows):
        return f"not every row of probabilities has {len(ensemble.plan.classes)} classes"
    probabilities = np.array(rows)
    if not ((probabilities >= 0) & (probabilities <= 1 + _OF_NETWORKS)).all():
        return "probabilities are not between 0 and 1"
    if (far := np.abs(probabilities.sum(axis=1) - 1)).max() > _OF_NETWORKS:
        return f"probabilities sum to {probabilities[far.argmax()].sum():.6g} and not to 1"
    return _other_value(case, probabilities[1:], ensemble, combine)


def _other_value(
    case: CasePrediction, members: Floats, ensemble: Ensemble, combine: Combine
) -> str:
    """The first value that does not follow from the probabilities of the networks."""
    combined = ensemble.odds.joined(members, tuple(ensemble.members), combine)
    if case.predicted != ensemble.plan.classes[combined.predicted]:
        return (
            f"the predicted class is {case.predicted}, and the networks predict "
            f"{ensemble.plan.classes[combined.predicted]}"
        )
    pairs: dict[str, tuple[ArrayLike, ArrayLike]] = {
        "combined probabilities": (case.probabilities, combined.probabilities),
        "agreement": (case.agreement, combined.agreement),
        "entropy": (case.entropy, entropy(combined.probabilities)),
    }
    if case.disagreement is not None:
        pairs["disagreement"] = (case.disagreement, disagreement(members))
    for name, (stored, follows) in pairs.items():
        if not np.allclose(stored, follows, rtol=0, atol=_OF_SUMS):
            return f"{name}: not what follows from the probabilities of the networks"
    return ""
