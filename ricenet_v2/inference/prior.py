"""Probabilities for given class frequencies, and the class that follows from them.

A network that was shown both classes equally often gives probabilities of a world in which both are
equally frequent. Where the images of a class look the same in either world, those of another world
follow from Bayes' theorem (Saerens, Latinne and Decaestecker 2002, equation 2.4).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from ricenet_v2.core.errors import CheckpointError, DatasetError
from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.records.prior import Decide, Prior

BALANCED: Decide = "balanced"
_TOLERANCE = 1e-3


def prior_of(
    labels: Iterable[str], classes: Sequence[str], balance: str, everyone: Iterable[str] = ()
) -> Prior:
    """Class frequencies that a network is trained with, and those of the dataset.

    All folds of a dataset are corrected for the shares among all of its training cases, not each
    for those of its own: the fewer events a fold holds out, the more it is trained on, and
    probabilities that followed that would rank the cases of different folds the wrong way round.

    Args:
        labels: Class of each case that the network is trained on.
        classes: Names in the order of the indices.
        balance: `sampler`, `loss` or `none`, of the plan.
        everyone: Class of each training case of the dataset; `labels` where left out.
    """
    counted = list(labels)
    known = list(everyone) or counted
    seen = [counted.count(name) for name in classes]
    counts = tuple(known.count(name) for name in classes)
    if balance == "none":
        return Prior(tuple(count / len(counted) for count in seen), counts)
    present = sum(count > 0 for count in seen)
    return Prior(tuple(float(count > 0) / present for count in seen), counts)


def ratios(trained: ArrayLike, target: ArrayLike) -> Floats:
    """Factors of each class's probability, before all are divided by their sum.

    A class that training lacked keeps what the network gives it: there is nothing to correct.
    """
    before, after = np.asarray(trained, np.float64), np.asarray(target, np.float64)
    factors: Floats = np.where(before > 0, after / np.where(before > 0, before, 1), 1.0)
    return factors


def corrected(probabilities: Floats, trained: ArrayLike, target: ArrayLike) -> Floats:
    """Probabilities for other class shares.

    Args:
        probabilities: Axes (..., classes), right where classes have the shares `trained`.
        trained: Class shares, shape (classes,), or (..., classes) where they are not all alike.
        target: Class shares of the target population.

    Returns:
        The same axes; unchanged numbers where the shares are equal.

    Source:
        Saerens, Latinne and Decaestecker (2002), Adjusting the outputs of a classifier to new a
        priori probabilities, Neural Computation 14, equation 2.4.
    """
    by = ratios(trained, target)
    if (by == 1).all():  # then nothing changes, to the bit
        return probabilities
    weighed = probabilities * by
    corrected: Floats = weighed / weighed.sum(axis=-1, keepdims=True)
    return corrected


def predicted_classes(
    probabilities: Floats, prior: Sequence[float], decide: Decide = BALANCED
) -> Indices:
    """The predicted class of each case.

    `balanced` divides each probability by the share of its class first: of two classes, a case is
    predicted positive from the prior on, not from 0.5 on. That is the decision of equal class
    weights, which macro F1 and balanced accuracy look at, and it does not change with the prior.
    `probable` takes the largest probability, which seldom predicts a rare class.

    Args:
        probabilities: Axes (..., classes).
        prior: Class shares that they are right for; empty where that is not known, and the largest
            probability is taken.
        decide: The rule.

    Returns:
        Shape (...).
    """
    if decide == BALANCED and len(prior):
        probabilities = probabilities * ratios(prior, np.ones(len(prior)))
    predicted: Indices = probabilities.argmax(axis=-1)
    return predicted


def mean_shares(priors: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """The mean of class shares, each of shape (classes,)."""
    return tuple(np.mean(np.asarray(priors, np.float64), axis=0).tolist())


def named_prior(entries: Sequence[str], classes: Sequence[str], positive: int) -> tuple[float, ...]:
    """Class shares that a user names.

    Args:
        entries: One number, the share of the positive class of two; or CLASS=SHARE for each class.
        classes: Names.
        positive: Index of the positive class.

    Raises:
        DatasetError: Not that, or shares that are not between 0 and 1 or do not sum to 1.
    """
    shares = _shares(entries, classes, positive)
    total = sum(shares.values())
    is_sound = all(share > 0 for share in shares.values()) and abs(total - 1) <= _TOLERANCE
    if set(shares) != set(classes) or not is_sound:
        raise DatasetError(
            "This prior cannot be used.",
            expected="of two classes the share of the positive one, above 0 and below 1; or "
            + " ".join(f"{name}=SHARE" for name in classes)
            + ", above 0 and 1 in sum",
            got=" ".join(entries),
            remedy="Name how often the classes are where the cases come from, with --prior.",
        )
    return tuple(shares[name] / total for name in classes)


def _shares(entries: Sequence[str], classes: Sequence[str], positive: int) -> dict[str, float]:
    """Shares by class; a number that cannot be read counts as 0, which no share may be."""
    if len(entries) == 1 and "=" not in entries[0] and len(classes) == 2:
        share = _number(entries[0])
        return {classes[positive]: share, classes[1 - positive]: 1 - share}
    parts = [entry.rpartition("=") for entry in entries]
    return {name: _number(text) for name, _, text in parts}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0


def to_state(prior: Prior) -> dict[str, Any]:
    """The prior as a checkpoint keeps it, which holds plain values only."""
    return {"trained": list(prior.trained), "counts": list(prior.counts)}


def from_state(state: Mapping[str, Any], n_classes: int, file: object) -> Prior | None:
    """Prior of a checkpoint; None for an older one, which has none.

    Raises:
        CheckpointError: It says something that cannot be.
    """
    stored = state.get("prior")
    if stored is None:
        return None
    try:
        prior = Prior(tuple(map(float, stored["trained"])), tuple(map(int, stored["counts"])))
    except Exception as error:
        raise _damaged(file, stored) from error
    is_whole = len(prior.trained) == len(prior.counts) == n_classes
    are_shares = (
        all(0 <= share <= 1 for share in prior.trained) and min(prior.counts, default=0) >= 0
    )
    if not is_whole or not are_shares or not sum(prior.counts):
        raise _damaged(file, stored)
    return prior


def _damaged(file: object, stored: object) -> CheckpointError:
    return CheckpointError(
        "The prior in this checkpoint cannot be used.",
        file=str(file),
        expected="`trained` and `counts`, a number for each class",
        got=stored,
        remedy="Copy it again, or train the fold again.",
    )
