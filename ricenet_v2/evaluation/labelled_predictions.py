"""Predictions with their truths, row by row."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation.confusion_matrix import confusion
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.inference.prior import BALANCED, predicted_classes
from ricenet_v2.records.prior import Decide


@dataclass(frozen=True)
class LabelledPredictions:
    """Predictions with their truths.

    Attributes:
        case_ids: Case identifiers, in input order.
        patients: Patient of each case.
        truth: Class index of each case, shape (cases,).
        predicted: Predicted class index of each case, shape (cases,).
        probabilities: Axes (cases, classes).
        classes: Names of the classes.
        missing: Cases of the table of truths that were not predicted; where the table has a
            column `split`, only those of a split that was predicted.
        unlabelled: Predicted cases without a known label, which are left out of everything.
        folds: Fold that each case was held out of; empty where not known.
        members: Probabilities of single networks, by fold, axes (cases, classes).
        covariates: Further columns of the table of truths, by name, a text for each case.
        prior: Class shares that the probabilities are right for, shape (classes,); empty where
            that is not known, or where they are of networks and not corrected.
        decide: Decision rule where there is a prior.
    """

    case_ids: tuple[str, ...]
    patients: tuple[str, ...]
    truth: Indices
    predicted: Indices
    probabilities: Floats
    classes: tuple[str, ...]
    missing: tuple[str, ...] = ()
    unlabelled: tuple[str, ...] = ()
    folds: tuple[int, ...] = ()
    members: Mapping[int, Floats] = field(default_factory=dict)
    covariates: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    prior: tuple[float, ...] = ()
    decide: Decide = BALANCED

    def __len__(self) -> int:
        """Number of cases."""
        return len(self.truth)

    @cached_property
    def grouping(self) -> Patients:
        """Assignment of the cases to patients; computed once."""
        return Patients.of(self.patients)

    @property
    def counts(self) -> Floats:
        """Confusion matrix (truth, predicted)."""
        return confusion(self.truth, self.predicted, len(self.classes))

    def part(self, chosen: Indices) -> LabelledPredictions:
        """The predictions of some of the cases, by their index; nothing is missing in a part."""
        at = [int(index) for index in chosen]
        return LabelledPredictions(
            case_ids=tuple(self.case_ids[index] for index in at),
            patients=tuple(self.patients[index] for index in at),
            truth=self.truth[chosen],
            predicted=self.predicted[chosen],
            probabilities=self.probabilities[chosen],
            classes=self.classes,
            folds=tuple(self.folds[index] for index in at) if self.folds else (),
            members={fold: values[chosen] for fold, values in self.members.items()},
            covariates={
                name: tuple(cells[index] for index in at) for name, cells in self.covariates.items()
            },
            prior=self.prior,
            decide=self.decide,
        )

    def member(self, fold: int) -> LabelledPredictions:
        """The same cases as one network of the ensemble sees them."""
        probabilities = self.members[fold]
        return LabelledPredictions(
            case_ids=self.case_ids,
            patients=self.patients,
            truth=self.truth,
            predicted=predicted_classes(probabilities, self.prior, self.decide),
            probabilities=probabilities,
            classes=self.classes,
            prior=self.prior,
            decide=self.decide,
        )


def one_vs_rest_classes(labelled: LabelledPredictions, positive: int) -> tuple[int, ...]:
    """Classes evaluated one-vs-rest: the positive one of two, all of more."""
    return (positive,) if len(labelled.classes) == 2 else tuple(range(len(labelled.classes)))
