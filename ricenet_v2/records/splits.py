"""The folds."""

from __future__ import annotations

import json
import operator
from collections.abc import Mapping
from typing import Annotated, ClassVar

from pydantic import Field

from ricenet_v2.core.documents import record
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.names import Name


def _is_once(repeats: int) -> bool:
    return repeats == 1


Repeats = Annotated[int, Field(ge=1, le=10_000, exclude_if=_is_once)]
"""Divisions of all cases into folds; not written where there is one, as in older files."""
NO_GROUP = "none"
"""Column name that means folds stratified by class again."""
N_FOLDS = 5
"""Folds where nobody asks for another number."""


@record
class Fold:
    """Case ids of one fold, sorted.

    Attributes:
        train: Cases that a network learns from.
        validation: Cases that it does not see in training.
        held_out: Value of the column of the splits that all validation cases have, e.g. the
            centre; empty where folds are not those of a column.
    """

    train: tuple[Name, ...]
    validation: tuple[Name, ...]
    held_out: str = ""

    def hash_with(self, labels: Mapping[str, str], patients: Mapping[str, str]) -> str:
        """Hash of which case is on which side, with its label and patient, in any order."""
        sides = {"train": self.train, "validation": self.validation}
        rows = [
            (side, case, labels[case], patients[case])
            for side, cases in sides.items()
            for case in sorted(cases)
        ]
        return sha256_of_text(json.dumps(rows))


@record
class Splits:
    """The content of splits_final.json.

    Attributes:
        seed: Seed of the random stratified folds; 0 if nothing is drawn.
        folds: Folds in the order of their numbers, repeat after repeat; none if only a network of
            all training cases is to be trained.
        group: Column of cases.csv of which each fold holds out one value, e.g. `centre`; empty of
            folds that are stratified by class, as those of all older files are.
        repeats: Number of divisions of all cases into folds, each drawn separately.
        holdout: Holdout of a single fold: the share of the cases that it holds out, e.g. `0.2`, or
            the column of cases.csv that says which; empty if each case is held out once per repeat.
    """

    document: ClassVar[str] = "splits"
    schema: ClassVar[int] = 1

    seed: int
    folds: tuple[Fold, ...]
    group: str = ""
    repeats: Repeats = 1
    holdout: Annotated[str, Field(exclude_if=operator.not_)] = ""

    @property
    def n_folds(self) -> int:
        """Folds of one repeat."""
        return len(self.folds) // self.repeats

    @property
    def scheme(self) -> str:
        """Scheme of the folds, e.g. `leave-one-group-out by centre`."""
        if self.group:
            return leave_one_out(self.group)
        if is_column(self.holdout):
            return held_out_by(self.holdout)
        if not self.folds:
            return WITHOUT_FOLDS
        return f"stratified by class, grouped by patient, seed {self.seed}"

    @property
    def described(self) -> str:
        """Number of folds and scheme, with what each fold holds out."""
        if not self.folds:
            return WITHOUT_FOLDS
        description = f"{self.number_text}, {self.scheme}"
        return f"{description} ({', '.join(self.held_out)})" if self.group else description

    @property
    def number_text(self) -> str:
        """Number of folds, in words."""
        if self.holdout:
            share = "" if is_column(self.holdout) else f" of {float(self.holdout):.0%}"
            return f"one validation set{share}"
        number = f"{self.n_folds} folds"
        return f"{number}, {self.repeats} times" if self.repeats > 1 else number

    @property
    def held_out(self) -> tuple[str, ...]:
        """Value that each fold holds out, in the order of the folds; empty without a column."""
        return tuple(fold.held_out for fold in self.folds)


def leave_one_out(column: str) -> str:
    """The scheme in words; leave-one-centre-out where the column holds centres."""
    return f"leave-one-group-out by {column}"


WITHOUT_FOLDS = "none, for a network of all training cases alone"
"""Text that says that there are no folds."""


def is_column(holdout: str) -> bool:
    """Whether the holdout is a column of cases.csv, and no share of the cases."""
    return bool(holdout) and share_of(holdout) is None


def share_of(holdout: str) -> float | None:
    """The share of the cases that a single fold holds out; None of a column's name."""
    try:
        share = float(holdout)
    except ValueError:
        return None
    return share if 0 < share < 1 else None


def held_out_by(column: str) -> str:
    """The scheme in words."""
    return f"held out by the column {column}"
