"""Folds that hold out one group each: a centre, a scanner, a vendor."""

from __future__ import annotations

import math
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.listing import first_of
from ricenet_v2.core.spelling import as_file
from ricenet_v2.records.cells import name_in, numbers
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Fold, Splits

FEW_CASES, FEW_TRAINING_PATIENTS, MANY_FOLDS = 10, 5, 20
_MOST_NAMED = 10
_OF_ONE_CLASS = (
    "{column} without some class, so without an AUROC of its own (its cases count in the pooled "
    "metrics): {names}"
)
_FEW_HELD_OUT = (
    f"{{column}} of fewer than {FEW_CASES} cases, whose own metrics are hardly informative: "
    f"{{names}}"
)
_FEW_TRAINED = (
    f"{{column}} without which fewer than {FEW_TRAINING_PATIENTS} patients of a class are left to "
    "train on: {names}"
)
_CONFOUNDED = (
    "{column} without which each of the others has cases of one class alone, so that a network may "
    "learn the {column} instead of the class: {names}"
)
_SMALL_TRAINING = "{column} without which less than half of the cases are left: {names}"
_OTHER_GROUPS = "Group by another column, or join groups in one of your own."
_BETWEEN_WORDS = re.compile(r"(?<=\w)[\s_-]+(?=\w)")


@dataclass(frozen=True)
class GroupSplits:
    """The folds, and warnings about them."""

    splits: Splits
    warnings: tuple[str, ...]


def group_of(case: Case, column: str) -> str:
    """The group of a case; empty where its cell only says that nothing is known."""
    return name_in(case.covariates.get(column, ""))


def make_group_splits(cases: Sequence[Case], column: str) -> GroupSplits:
    """One fold for each value of a column; the order of the cases does not matter.

    Folds are in the order of the values, numbers by their size.

    Args:
        cases: Cases of the dataset; only training cases count.
        column: A further column of cases.csv.

    Raises:
        DatasetError: There is no such column; a cell is empty; two groups are spelled alike; a
            patient is in two groups; there are fewer than two groups; each patient is a group; a
            network would be trained without a case of some class; or each group is of one class.
    """
    chosen = sorted((c for c in cases if c.split == "train"), key=lambda case: case.case_id)
    _check_column(chosen, column)
    groups = {case.case_id: group_of(case, column) for case in chosen}
    values = _in_order({group for group in groups.values() if group})
    _check_cells(chosen, groups, values, column)
    _check_groups(chosen, groups, values, column)
    ids = [case.case_id for case in chosen]
    folds = tuple(
        Fold(
            train=tuple(case for case in ids if groups[case] != value),
            validation=tuple(case for case in ids if groups[case] == value),
            held_out=value,
        )
        for value in values
    )
    splits = Splits(seed=0, folds=folds, group=column)
    return GroupSplits(splits, tuple(_warnings(splits, chosen)))


def _check_column(cases: Sequence[Case], column: str) -> None:
    there = sorted({name for case in cases for name in case.covariates})
    if column not in there:
        raise DatasetError(
            "Cases cannot be grouped by this column.",
            expected=f"one of the further columns of cases.csv: {', '.join(there) or 'none yet'}",
            got=column,
            remedy="Specify one of these, or add a column with the centre (scanner, vendor) of "
            "each case.",
        )


def _in_order(values: set[str]) -> list[str]:
    texts = sorted(values)
    as_numbers = numbers(texts)
    if as_numbers is None:
        return texts
    return [text for _, text in sorted(zip(as_numbers, texts, strict=True))]


def _check_cells(
    cases: Sequence[Case], groups: Mapping[str, str], values: Sequence[str], column: str
) -> None:
    """Refuse cells that cannot be distinguished; all faults are in one text."""
    faults = []
    if empty := [case for case, group in groups.items() if not group]:
        faults.append(f"no {column} is given for {first_of(empty, _MOST_NAMED)}")
    by_plain = defaultdict(list)
    for value in values:
        by_plain[_plain(value)].append(value)
    faults += [
        f"{' and '.join(map(repr, a))} differ only in spelling" for a in by_plain.values() if a[1:]
    ]
    of_patient = defaultdict(set)
    for case in cases:
        of_patient[case.patient_id].add(groups[case.case_id])
    faults += [
        f"patient {patient} is in several: {', '.join(sorted(memberships))}"
        for patient, memberships in sorted(of_patient.items())
        if len(memberships - {""}) > 1
    ]
    if faults:
        shown = [*faults[:_MOST_NAMED], *(["..."] if faults[_MOST_NAMED:] else [])]
        raise DatasetError(
            f"The column {column} does not assign each training case to one group.",
            expected="one value for each case, spelled in one way, the same for all cases of a "
            "patient",
            got="\n    " + "\n    ".join(shown),
            remedy="Correct the column in cases.csv (unknown values can be a group, named e.g. "
            "'other').",
        )


def _check_groups(
    cases: Sequence[Case], groups: Mapping[str, str], values: Sequence[str], column: str
) -> None:
    """Refuse groups that cannot be held out."""
    n_patients = len({case.patient_id for case in cases})
    of_class = defaultdict(set)
    for case in cases:
        of_class[case.label].add(groups[case.case_id])
    only = [
        f"{label}: {min(memberships)}"
        for label, memberships in sorted(of_class.items())
        if len(memberships) < 2
    ]
    if len(values) < 2 or len(values) == n_patients:
        raise DatasetError(
            f"The values of {column} cannot serve as groups to hold out in turn.",
            expected="at least two, and patients that share one",
            got=f"{len(values)} among {n_patients} training patients"
            + (f": {', '.join(values)}" if 0 < len(values) <= _MOST_NAMED else ""),
            remedy="Choose another column, or leave --group out for folds stratified by class.",
        )
    if only:
        raise DatasetError(
            f"All training cases of a class are of one {column}, so a network that is trained "
            "without it would never see the class.",
            expected=f"cases of each class in at least two values of {column}",
            got="; ".join(only),
            remedy=_OTHER_GROUPS,
        )
    classes = _classes_of(cases, groups)
    if all(len(labels) < 2 for labels in classes.values()):
        each = [f"{group}: {', '.join(labels)}" for group, labels in sorted(classes.items())]
        raise DatasetError(
            f"Each {column} has cases of one class alone: {column} and class are fully "
            "confounded, and no fold can be evaluated.",
            expected=f"cases of two classes in at least one value of {column}",
            got=first_of(each, _MOST_NAMED),
            remedy=_OTHER_GROUPS,
        )


def _classes_of(cases: Sequence[Case], groups: Mapping[str, str]) -> dict[str, set[str]]:
    classes: dict[str, set[str]] = defaultdict(set)
    for case in cases:
        classes[groups[case.case_id]].add(case.label)
    return classes


def _warnings(splits: Splits, cases: Sequence[Case]) -> list[str]:
    """Why metrics of single folds, or their networks, mean little; one text for each kind."""
    by_id = {case.case_id: case for case in cases}
    classes = sorted({case.label for case in cases})
    of_groups = _classes_of(cases, {case.case_id: group_of(case, splits.group) for case in cases})
    kinds: dict[str, list[str]] = defaultdict(list)
    for fold in splits.folds:
        held_out = {by_id[case].label for case in fold.validation}
        if absent := [label for label in classes if label not in held_out]:
            kinds[_OF_ONE_CLASS].append(f"{fold.held_out} (no {', no '.join(absent)})")
        if len(fold.validation) < FEW_CASES:
            kinds[_FEW_HELD_OUT].append(f"{fold.held_out} ({len(fold.validation)})")
        patients = {(by_id[case].label, by_id[case].patient_id) for case in fold.train}
        trained = Counter(label for label, _ in patients)
        few = [f"{trained[c]} of {c}" for c in classes if trained[c] < FEW_TRAINING_PATIENTS]
        if few:
            kinds[_FEW_TRAINED].append(f"{fold.held_out} ({', '.join(few)})")
        others = [labels for group, labels in of_groups.items() if group != fold.held_out]
        if all(len(labels) < 2 for labels in others):
            kinds[_CONFOUNDED].append(fold.held_out)
        if 2 * len(fold.train) < len(cases):
            share = f"{fold.held_out} ({len(fold.train)} of {len(cases)} cases)"
            kinds[_SMALL_TRAINING].append(share)
    warnings = [
        text.format(column=splits.group, names=first_of(kinds[text], _MOST_NAMED))
        for text in (_OF_ONE_CLASS, _CONFOUNDED, _FEW_HELD_OUT, _FEW_TRAINED, _SMALL_TRAINING)
        if kinds[text]
    ]
    if len(splits.folds) > MANY_FOLDS:
        warnings.append(f"{len(splits.folds)} folds mean {len(splits.folds)} trainings.")
    return warnings


def _plain(value: str) -> str | float:
    """Common form of the spellings of one name."""
    as_number = numbers([value])
    if as_number is not None and not math.isnan(as_number[0]):
        return as_number[0]
    return _BETWEEN_WORDS.sub("", as_file(value))
