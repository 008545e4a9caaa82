"""The folds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.names import Name

NO_GROUP = "none"
"""As the name of a column: folds that are stratified by class again."""


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
        seed: Of the drawing of stratified folds; 0 where nothing is drawn.
        folds: In the order of their numbers.
        group: Column of cases.csv of which each fold holds out one value, e.g. `centre`; empty of
            folds that are stratified by class, as those of all older files are.
    """

    document: ClassVar[str] = "splits"
    schema: ClassVar[int] = 1

    seed: int
    folds: tuple[Fold, ...]
    group: str = ""

    @property
    def scheme(self) -> str:
        """How the folds were made, e.g. `leave-one-group-out by centre`."""
        if self.group:
            return leave_one_out(self.group)
        return f"stratified by class, grouped by patient, seed {self.seed}"

    @property
    def described(self) -> str:
        """Number of folds and scheme, with what each fold holds out."""
        description = f"{len(self.folds)} folds, {self.scheme}"
        return f"{description} ({', '.join(self.held_out)})" if self.group else description

    @property
    def held_out(self) -> tuple[str, ...]:
        """What each fold holds out, in the order of the folds; empty texts without a column."""
        return tuple(fold.held_out for fold in self.folds)


def leave_one_out(column: str) -> str:
    """The scheme in words; leave-one-centre-out where the column holds centres."""
    return f"leave-one-group-out by {column}"
