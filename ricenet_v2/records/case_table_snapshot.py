"""Comparison of cases.csv at the training of folds with its present content."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from ricenet_v2.core.listing import first_of
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case

_MOST_NAMED = 5


@dataclass(frozen=True)
class UsedCase:
    """A case as it was when it was held out of a fold.

    Attributes:
        case_id: The case.
        patient_id: Its patient.
        label: Its class.
        held_out: Value of the column of which each fold holds out one; empty without such folds.
    """

    case_id: str
    patient_id: str
    label: str
    held_out: str = ""


@dataclass(frozen=True)
class Changes:
    """Differences, each in words, with the case.

    Attributes:
        labels: Cases of another class now.
        patients: Cases of another patient now, where patients came together or were parted.
        groups: Cases of another group (e.g. centre) than the fold that held them out.
        renamed: Cases whose patient has another id now, and the same cases.
        moved: Cases that are of the test split now.
        gone: Cases that are not in the table any more.
    """

    labels: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    moved: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()

    @property
    def wrong(self) -> tuple[str, ...]:
        """Differences that make metrics of the folds other than the table's: in words, by kind."""
        return _kinds_text(
            ("with another label", self.labels),
            ("of another patient", self.patients),
            ("of another group than their fold held out", self.groups),
        )

    @property
    def doubtful(self) -> tuple[str, ...]:
        """Changes that may be intended and affect no metric: in words, by kind."""
        return _kinds_text(
            ("whose patient has another id", self.renamed),
            ("now in the split test", self.moved),
            ("no longer in the table", self.gone),
        )


def changes_since(used: Sequence[UsedCase], now: Mapping[str, Case], group: str = "") -> Changes:
    """Compare the cases of folds with a table of cases. Cases that are new there are none of them.

    Args:
        used: Cases that all folds used.
        now: Rows of cases.csv by case id.
        group: Column of which each fold held out one value.
    """
    common = [case for case in used if case.case_id in now]
    others = [
        f"{case.case_id}: {case.patient_id} then, {now[case.case_id].patient_id} now"
        for case in common
        if case.patient_id != now[case.case_id].patient_id
    ]
    pairs = [(case.patient_id, now[case.case_id].patient_id) for case in common]
    is_same_people = _are_one_to_one(pairs)
    return Changes(
        labels=tuple(
            f"{case.case_id}: {case.label} then, {now[case.case_id].label} now"
            for case in common
            if case.label != now[case.case_id].label
        ),
        patients=() if is_same_people else tuple(others),
        groups=tuple(_regrouped(common, now, group)) if group else (),
        renamed=tuple(others) if is_same_people else (),
        moved=tuple(case.case_id for case in common if now[case.case_id].split != "train"),
        gone=tuple(case.case_id for case in used if case.case_id not in now),
    )


def changes_of(used: UsedCase, now: Case | None) -> tuple[str, ...]:
    """Changes of a single case in the table, in words; `now` is None if it is gone."""
    if now is None:
        return ("no longer in cases.csv",)
    changes = [
        f"{what} in cases.csv now: {after}; the folds were trained and evaluated with: {before}"
        for what, before, after in (
            ("label", used.label, now.label),
            ("patient", used.patient_id, now.patient_id),
        )
        if before != after
    ]
    changes += [] if now.split == "train" else ["of the split test in cases.csv now"]
    return tuple(changes)


def _regrouped(common: Iterable[UsedCase], now: Mapping[str, Case], group: str) -> list[str]:
    """Cases of another group; none if the column is gone: then no case is reported."""
    if not any(group in case.covariates for case in now.values()):
        return []
    groups = {case.case_id: known(now[case.case_id].covariates.get(group, "")) for case in common}
    return [
        f"{case.case_id}: {group} {case.held_out} then, {groups[case.case_id] or 'none'} now"
        for case in common
        if groups[case.case_id] != case.held_out
    ]


def _are_one_to_one(pairs: Iterable[tuple[str, str]]) -> bool:
    """Whether each name stands for one other name, and the reverse."""
    forth, back = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for old, new in pairs:
        forth[old].add(new)
        back[new].add(old)
    return all(len(partners) == 1 for partners in (*forth.values(), *back.values()))


def _kinds_text(*kinds: tuple[str, tuple[str, ...]]) -> tuple[str, ...]:
    return tuple(
        f"{len(cases)} case(s) {what}: {first_of(cases, _MOST_NAMED, '; ')}"
        for what, cases in kinds
        if cases
    )
