"""The folds."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record


@record
class Fold:
    """Case ids of one fold, sorted."""

    train: tuple[str, ...]
    validation: tuple[str, ...]


@record
class Splits:
    """The content of splits_final.json."""

    document: ClassVar[str] = "splits"
    schema: ClassVar[int] = 1

    seed: int
    folds: tuple[Fold, ...]
