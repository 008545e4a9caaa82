"""Folds: stratified by class, grouped by patient, the same on every machine."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import N_FOLDS, Fold, Splits, is_column
from ricenet_v2.training.groups import group_of
from ricenet_v2.training.holdout import make_holdout
from ricenet_v2.training.training_cases import are_trainable, patients_of_classes, training_cases

SEED = 12345


def make_splits(
    cases: Sequence[Case], seed: int = SEED, n_folds: int = N_FOLDS, repeats: int = 1
) -> Splits:
    """Divide the training cases into folds; their order does not matter.

    Args:
        cases: Cases of the dataset; only training cases count.
        seed: Seed of the first division; each further one has the next seed.
        n_folds: Number of folds of each division; 1 makes no folds.
        repeats: Number of divisions of all cases.

    Raises:
        DatasetError: A class has fewer patients than there are folds, or cannot be in all trainings
            since its patients have cases of several classes; the text has the largest number.
    """
    chosen = training_cases(cases)
    counts = patients_of_classes(chosen)
    if counts and n_folds == 1:
        return Splits(seed=0, folds=())
    folds = _drawn(chosen, counts, seed, n_folds, repeats)
    if folds is None:
        is_mixed = min(counts.values(), default=0) >= n_folds
        raise DatasetError(
            f"The dataset is too small for {n_folds} folds.",
            expected=f"at least {n_folds} training patients in each class"
            + (", and each class in all trainings" if is_mixed else ""),
            got=", ".join(f"{label}: {n}" for label, n in counts.items()) or "no training cases",
            remedy=_remedy(chosen, counts, seed, n_folds, repeats),
        )
    return Splits(seed=seed, folds=folds, repeats=repeats)


def _drawn(
    cases: Sequence[Case], counts: Mapping[str, int], seed: int, n_folds: int, repeats: int
) -> tuple[Fold, ...] | None:
    """The folds of all repeats; None where the cases do not suffice."""
    if not counts or min(counts.values()) < n_folds:
        return None
    from sklearn.model_selection import StratifiedGroupKFold

    labels = [case.label for case in cases]
    groups = [case.patient_id for case in cases]
    ids = [case.case_id for case in cases]
    folds = tuple(
        Fold(train=tuple(ids[i] for i in train), validation=tuple(ids[i] for i in validation))
        for repeat in range(repeats)
        for train, validation in StratifiedGroupKFold(
            n_splits=n_folds, shuffle=True, random_state=seed + repeat
        ).split(labels, labels, groups)
    )
    return folds if are_trainable(folds, cases) else None


def _remedy(
    cases: Sequence[Case], counts: Mapping[str, int], seed: int, n_folds: int, repeats: int
) -> str:
    """Remedy, with the largest number of folds that these cases allow."""
    more = "add patients, or move test cases to train in cases.csv."
    most = min([n_folds - 1, *counts.values()])
    fitting = (n for n in range(most, 1, -1) if _drawn(cases, counts, seed, n, repeats))
    largest = next(fitting, None)
    if largest is not None:
        return f"Plan with --num_folds {largest}, the most that these cases make; or {more}"
    if not counts:
        return more.capitalize()
    return (
        f"{more.capitalize()} Or plan with --num_folds 1 for a single network of all training "
        "cases (ricenet_train DATASET full), which has no out-of-fold metrics."
    )


def check_splits(splits: Splits, cases: Sequence[Case], file: Path) -> None:
    """Refuse folds that were not made from these cases.

    Args:
        splits: Splits from the file.
        cases: Cases of the dataset; only training cases count.
        file: File for the message.

    Raises:
        DatasetError: Cases came, went or moved to the test split, a patient is on both sides,
            a case is held out of no fold or of several, or is of another group than its fold.
    """
    patients = {case.case_id: case.patient_id for case in cases if case.split == "train"}
    if fault := _outdated(splits, patients) or _regrouped(splits, cases) or _moved(splits, cases):
        raise DatasetError(
            "The folds on disk are not those of this dataset.",
            file=file,
            expected=f"folds of the {len(patients)} training cases"
            + (f", {splits.scheme}" if splits.group or splits.holdout else ""),
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
    wrong = [case for case in sorted(patients) if held_out[case] != splits.repeats]
    if wrong and splits.folds and not splits.holdout:
        folds = "fold" if splits.repeats == 1 else "fold of each repeat"
        return (
            f"{len(wrong)} case(s) not held out of exactly one {folds}: {', '.join(wrong[:5])}"
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


def _moved(splits: Splits, cases: Sequence[Case]) -> str:
    """Why a fold is not what a column says; empty where it is, or where no column says it."""
    if not is_column(splits.holdout):
        return ""
    try:
        now = make_holdout(cases, splits.holdout)
    except DatasetError as error:
        return f"{error.what} {error.got}"
    moved = sorted(set(now.folds[0].validation) ^ set(splits.folds[0].validation))
    listed = ", ".join(moved[:5]) + (", ..." if len(moved) > 5 else "")
    return f"{len(moved)} case(s) on the other side by {splits.holdout}: {listed}" if moved else ""


def check_labels(cases: Sequence[Case], classes: Sequence[str], file: Path) -> None:
    """Refuse training cases whose label is not a class.

    Args:
        cases: Cases of the dataset.
        classes: Classes of the plan.
        file: File for the message.

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
