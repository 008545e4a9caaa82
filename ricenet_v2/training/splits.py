"""Folds: stratified by class, grouped by patient, the same on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.training.groups import group_of

SEED = 12345
N_FOLDS = 5


def make_splits(cases: Sequence[Case], seed: int = SEED, n_folds: int = N_FOLDS) -> Splits:
    """Split the training cases; their order does not matter.

    Raises:
        DatasetError: A class has fewer patients than there are folds.
    """
    chosen = sorted((c for c in cases if c.split == "train"), key=lambda case: case.case_id)
    patients: dict[str, set[str]] = {}
    for case in chosen:
        patients.setdefault(case.label, set()).add(case.patient_id)
    counts = {label: len(ids) for label, ids in sorted(patients.items())}
    if not counts or min(counts.values()) < n_folds:
        raise DatasetError(
            f"The dataset is too small for {n_folds} folds.",
            expected=f"at least {n_folds} training patients in each class",
            got=", ".join(f"{label}: {n}" for label, n in counts.items()) or "no training cases",
            remedy="Add patients, or move test cases to train in cases.csv.",
        )
    from sklearn.model_selection import StratifiedGroupKFold

    labels = [case.label for case in chosen]
    groups = [case.patient_id for case in chosen]
    splitter = StratifiedGroupKFold(n_splits=n_folds, shuffle=True, random_state=seed)
    ids = [case.case_id for case in chosen]
    folds = tuple(
        Fold(train=tuple(ids[i] for i in train), validation=tuple(ids[i] for i in validation))
        for train, validation in splitter.split(labels, labels, groups)
    )
    return Splits(seed=seed, folds=folds)


def check_splits(splits: Splits, cases: Sequence[Case], file: Path) -> None:
    """Refuse folds that were not made from these cases.

    Args:
        splits: From the file.
        cases: Cases of the dataset; only training cases count.
        file: For the message.

    Raises:
        DatasetError: Cases came, went or moved to the test split, a patient is on both sides,
            a case is held out of no fold or of several, or is of another group than its fold.
    """
    patients = {case.case_id: case.patient_id for case in cases if case.split == "train"}
    if fault := _outdated(splits, patients) or _regrouped(splits, cases):
        raise DatasetError(
            "The folds on disk are not those of this dataset.",
            file=file,
            expected=f"folds of the {len(patients)} training cases"
            + (f", {splits.scheme}" if splits.group else ""),
            got=fault,
            remedy="Correct cases.csv, or run ricenet_plan_and_preprocess with --overwrite to "
            "split again (models of the old folds no longer fit).",
        )


def _outdated(splits: Splits, patients: Mapping[str, str]) -> str:
    """Why folds do not belong to these cases (case id -> patient id); empty where they do."""
    for number, fold in enumerate(splits.folds):
        there = {*fold.train, *fold.validation}
        if there != set(patients):
            removed, new = sorted(there - set(patients)), sorted(set(patients) - there)
            changed = [
                f"{len(names)} {what} ({', '.join(names[:5])}{', ...' if len(names) > 5 else ''})"
                for what, names in (("of them gone", removed), ("new", new))
                if names
            ]
            return (
                f"{len(there)} cases, {' and '.join(changed)}; only cases of the split train count"
            )
        sides = [{patients[case] for case in side} for side in (fold.train, fold.validation)]
        if shared := sides[0] & sides[1]:
            return f"fold {number} has patients on both sides: {', '.join(sorted(shared))}"
    held_out = Counter(case for fold in splits.folds for case in fold.validation)
    if wrong := [case for case in sorted(patients) if held_out[case] != 1]:
        return (
            f"{len(wrong)} case(s) not held out of exactly one fold: {', '.join(wrong[:5])}"
            f"{', ...' if len(wrong) > 5 else ''}"
        )
    return ""


def _regrouped(splits: Splits, cases: Sequence[Case]) -> str:
    """Why folds do not hold out the groups that they name; empty where they do, or name none."""
    if not splits.group:
        return ""
    if not any(splits.group in case.covariates for case in cases):
        return f"cases.csv has no column {splits.group} any more"
    groups = {case.case_id: group_of(case, splits.group) for case in cases}
    moved = [
        f"{case} ({groups[case] or 'none'}, its fold holds out {fold.held_out or 'none'})"
        for fold in splits.folds
        for case in fold.validation
        if groups[case] != fold.held_out
    ]
    if moved:
        listed = ", ".join(sorted(moved)[:5]) + (", ..." if len(moved) > 5 else "")
        return f"{len(moved)} case(s) of another {splits.group} than their fold: {listed}"
    doubled = [name for name, n in Counter(splits.held_out).items() if n > 1]
    return f"several folds hold out {', '.join(doubled)}" if doubled else ""


def check_labels(cases: Sequence[Case], classes: Sequence[str], file: Path) -> None:
    """Refuse training cases whose label is not a class.

    Args:
        cases: Cases of the dataset.
        classes: Classes of the plan.
        file: For the message.

    Raises:
        DatasetError: The text names the cases.
    """
    wrong = [case for case in cases if case.split == "train" and case.label not in classes]
    if wrong:
        named = ", ".join(f"{case.case_id}: {case.label!r}" for case in wrong[:5])
        raise DatasetError(
            "Training cases have a label that is not a class of the plan.",
            file=file,
            expected=", ".join(classes),
            got=named + (", ..." if len(wrong) > 5 else ""),
            remedy="Correct the labels in cases.csv; for other classes change dataset.json and run "
            "ricenet_plan_and_preprocess with --overwrite.",
        )
