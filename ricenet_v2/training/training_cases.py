"""The cases that folds are made of, and whether a network can be trained on each fold."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold


def training_cases(cases: Sequence[Case]) -> list[Case]:
    """The cases of the split train, by their ids."""
    return sorted((c for c in cases if c.split == "train"), key=lambda case: case.case_id)


def patients_of_classes(cases: Sequence[Case]) -> dict[str, int]:
    """Number of patients of each class."""
    patients: dict[str, set[str]] = {}
    for case in cases:
        patients.setdefault(case.label, set()).add(case.patient_id)
    return {label: len(ids) for label, ids in sorted(patients.items())}


def are_trainable(folds: Sequence[Fold], cases: Sequence[Case]) -> bool:
    """Whether each fold holds out something and learns from a case of each class."""
    labels = {case.case_id: case.label for case in cases}
    classes = set(labels.values())
    return all(
        fold.validation and {labels[case] for case in fold.train} == classes for fold in folds
    )
