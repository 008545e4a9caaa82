"""The networks of an ensemble put together: their mean, or their votes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.inference.prior import BALANCED, predicted_classes
from ricenet_v2.records.prior import Decide

Combine = Literal["mean", "vote"]


def combine_members(
    members: Floats,
    how: Combine,
    prior: Sequence[float] = (),
    decide: Decide = BALANCED,
    member_priors: Sequence[Sequence[float]] = (),
) -> tuple[int, Floats]:
    """The predicted class and the combined probabilities.

    Args:
        members: Probabilities (members, classes).
        how: `mean` of probabilities, or majority `vote`: the share of members for each class;
            a tie goes to the class that the mean probabilities predict.
        prior: Class shares that the mean is right for; empty where that is not known.
        decide: Rule by which a network, and the mean of them, predicts a class.
        member_priors: Priors of each member, like `prior`; empty for `prior` for all.
    """
    mean = members.mean(axis=0)
    mean = mean / mean.sum()
    if how == "mean":
        return int(predicted_classes(mean, prior, decide)), mean
    votes = np.bincount(
        classes_of(members, member_priors or [prior] * len(members), decide),
        minlength=members.shape[1],
    )
    leaders = np.flatnonzero(votes == votes.max())
    of_leaders = np.zeros_like(mean)
    of_leaders[leaders] = mean[leaders]
    return int(predicted_classes(of_leaders, prior, decide)), votes / votes.sum()


def classes_of(
    members: Floats, priors: Sequence[Sequence[float]], decide: Decide
) -> NDArray[np.intp]:
    """The class that each member predicts, shape (members,)."""
    return np.array(
        [int(predicted_classes(row, p, decide)) for row, p in zip(members, priors, strict=True)]
    )


@dataclass(frozen=True)
class Combined:
    """The prediction of a case by an ensemble.

    Attributes:
        members: Probabilities (members, classes), corrected and calibrated.
        predicted: Index of the class.
        probabilities: Combined, shape (classes,).
        agreement: Share of members that predict the same class.
    """

    members: Floats
    predicted: int
    probabilities: Floats
    agreement: float
