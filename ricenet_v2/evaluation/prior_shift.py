"""Predictions of new cases, moved to the class shares of the place that they come from."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.inference.prior import corrected, named_prior, predicted_classes
from ricenet_v2.records.prediction import Predictions


def with_prior(evaluated: EvaluationInput, entries: Sequence[str]) -> EvaluationInput:
    """The same predictions as ricenet_predict --prior would have made them.

    Args:
        evaluated: Predictions of new cases, with the predictions.json beside them.
        entries: Class shares, as `named_prior` reads them.

    Raises:
        DatasetError: They are out-of-fold, not corrected for a prior, or votes; or the shares
            cannot be used.
    """
    provenance, labelled = evaluated.provenance, evaluated.labelled
    if provenance is None or not labelled.prior or evaluated.source != "test":
        raise DatasetError(
            "These predictions cannot be adjusted to another prior.",
            expected="predictions of new cases by the mean of networks, corrected for the prior of "
            "their training cases, with the predictions.json of ricenet_predict beside them",
            got=evaluated.title,
            remedy="Predict the cases again with ricenet_predict --prior, or leave out --prior.",
        )
    named = named_prior(entries, labelled.classes, evaluated.positive)
    members = {
        fold: corrected(values, prior, named)
        for (fold, values), prior in zip(
            labelled.members.items(), _of_members(provenance, labelled), strict=True
        )
    }
    probabilities = _combined(members, labelled, named)
    shares = ", ".join(f"{n} {share:.3g}" for n, share in zip(labelled.classes, named, strict=True))
    return dataclasses.replace(
        evaluated,
        labelled=dataclasses.replace(
            labelled,
            probabilities=probabilities,
            members=members,
            predicted=predicted_classes(probabilities, named, labelled.decide),
            prior=named,
        ),
        title=f"{evaluated.title}, for the prior {shares}",
        provenance=dataclasses.replace(provenance, prior=named, prior_named=True),
    )


def _of_members(provenance: Predictions, labelled: LabelledPredictions) -> list[tuple[float, ...]]:
    """Class shares that each member's probabilities are right for."""
    if provenance.prior_named:
        return [labelled.prior] * len(labelled.members)
    order = [provenance.classes.index(name) for name in labelled.classes]
    shares = {each.fold: each.prior.shares for each in provenance.priors}
    return [tuple(shares[fold][index] for index in order) for fold in labelled.members]


def _combined(
    members: Mapping[int, Floats], labelled: LabelledPredictions, named: tuple[float, ...]
) -> Floats:
    if not members:
        return corrected(labelled.probabilities, labelled.prior, named)
    mean: Floats = np.mean(list(members.values()), axis=0)
    return mean
