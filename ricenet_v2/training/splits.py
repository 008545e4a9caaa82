"""Five folds: stratified by class, grouped by patient, the same on every machine."""

from __future__ import annotations

from collections.abc import Sequence

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits

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
    counts = {label: len(found) for label, found in sorted(patients.items())}
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
