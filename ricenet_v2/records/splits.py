"""The folds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.core.files import sha256_of_text


@record
class Fold:
    """Case ids of one fold, sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]

    def hash_with(self, labels: Mapping[str, str], patients: Mapping[str, str]) -> str:
        """Hash of which case is on which side, with its label and patient."""
        sides = {"train": self.train, "validation": self.validation}
        rows = [
            (side, case, labels[case], patients[case])
            for side, cases in sides.items()
            for case in cases
        ]
        return sha256_of_text(json.dumps(rows))


@record
class Splits:
    """The content of splits_final.json."""

    document: ClassVar[str] = "splits"
    schema: ClassVar[int] = 1

    seed: int
    folds: tuple[Fold, ...]
