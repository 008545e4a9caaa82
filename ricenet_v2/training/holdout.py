"""A single fold: one part of the cases is held out, by a share or by a column of cases.csv."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.listing import first_of
from ricenet_v2.core.seeds import seed_of
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits, share_of
from ricenet_v2.training.training_cases import are_trainable, patients_of_classes, training_cases

SEED = 12345
TRAIN = ("train", "training", "tr")
VALIDATION = ("validation", "val", "valid", "dev", "tune", "holdout", "held out")
_MOST_NAMED = 5


def make_holdout(cases: Sequence[Case], holdout: str, seed: int = SEED) -> Splits:
    """One fold; the order of the cases does not matter.

    Args:
        cases: Cases of the dataset; only training cases count.
        holdout: The share of the patients that are held out, of each class alike, above 0 and below
            1; or a column of cases.csv whose cells say `train` or `validation`.
        seed: Seed of the order in which patients are held out; ignored for a column.

    Raises:
        DatasetError: There is no such column, its cells say something else or a patient is on both
            sides; or a side has no case of some class.
    """
    chosen, share = training_cases(cases), share_of(holdout)
    held_out = _by_column(chosen, holdout) if share is None else _by_share(chosen, share, seed)
    ids = [case.case_id for case in chosen]
    fold = Fold(
        train=tuple(case for case in ids if case not in held_out),
        validation=tuple(case for case in ids if case in held_out),
    )
    _check_sides(chosen, fold, holdout)
    return Splits(seed=0 if share is None else seed, folds=(fold,), holdout=holdout)


def _by_share(cases: Sequence[Case], share: float, seed: int) -> set[str]:
    """Cases of patients that are held out, in the order of a hash, from each class alike."""
    classes = defaultdict(set)
    for case in cases:
        classes[case.patient_id].add(case.label)
    strata = defaultdict(list)
    for patient, of_patient in sorted(classes.items()):
        strata[tuple(sorted(of_patient))].append(patient)
    held_out: set[str] = set()
    for labels, patients in strata.items():
        n = round(share * len(patients))
        if len(labels) == 1 and len(patients) > 1:
            n = min(max(n, 1), len(patients) - 1)
        held_out |= set(sorted(patients, key=lambda name: seed_of(seed, "holdout", name))[:n])
    return {case.case_id for case in cases if case.patient_id in held_out}


def _by_column(cases: Sequence[Case], column: str) -> set[str]:
    """Cases that the column says are held out."""
    there = sorted({name for case in cases for name in case.covariates})
    if column not in there:
        raise DatasetError(
            "Cannot determine which cases to hold out.",
            expected="a share above 0 and below 1, e.g. 0.2; or one of the further columns of "
            f"cases.csv: {', '.join(there) or 'none yet'}",
            got=column,
            remedy="Specify a share, or add a column that says train or validation for each case.",
        )
    sides = {case.case_id: known(case.covariates.get(column, "")).lower() for case in cases}
    wrong = [
        f"{case}: {side or 'empty'}"
        for case, side in sides.items()
        if side not in (*TRAIN, *VALIDATION)
    ]
    of_patient = defaultdict(set)
    for case in cases:
        of_patient[case.patient_id].add(sides[case.case_id] in VALIDATION)
    wrong += [
        f"patient {patient} is on both sides"
        for patient, is_held_out in sorted(of_patient.items())
        if len(is_held_out) > 1
    ]
    if wrong:
        raise DatasetError(
            f"The column {column} does not say which training cases are held out.",
            expected=f"train or validation (also {', '.join((*TRAIN[1:], *VALIDATION[1:]))}) for "
            "each case, one side for all cases of a patient",
            got=first_of(wrong, _MOST_NAMED),
            remedy="Correct the column in cases.csv. Cases that take part in no training have test "
            "in the column split.",
        )
    return {case for case, side in sides.items() if side in VALIDATION}


def _check_sides(cases: Sequence[Case], fold: Fold, holdout: str) -> None:
    """Refuse a side without some class: it could not be learned, or not be judged."""
    reverse = Fold(train=fold.validation, validation=fold.train)
    if cases and are_trainable((fold, reverse), cases):
        return
    labels = {case.case_id: case.label for case in cases}
    sides = {"trained on": fold.train, "held out": fold.validation}
    counts = patients_of_classes(cases)
    patients = ", ".join(f"{n} of {name}" for name, n in counts.items()) or "none"
    raise DatasetError(
        f"The holdout by {holdout} leaves a side without a class.",
        expected="cases of each class both among those trained on and those held out",
        got="; ".join(f"{side}: {_counts(labels, part)}" for side, part in sides.items()),
        remedy=f"Add patients (there are {patients}), choose another share or column, or leave "
        "--holdout out for folds.",
    )


def _counts(labels: Mapping[str, str], part: Sequence[str]) -> str:
    return ", ".join(
        f"{name} {sum(labels[case] == name for case in part)}"
        for name in sorted(set(labels.values()))
    )
