"""Figures of merit with their counts and intervals."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record


@record
class Figure:
    """One figure.

    Attributes:
        name: E.g. `macro F1` or `sensitivity of recurrence`.
        value: None where it is not defined (e.g. AUROC with one class).
        low: Lower end of the interval.
        high: Upper end of the interval.
        n: Cases that it rests on.
        method: How the interval was made.
    """

    name: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    method: str


@record
class Evaluation:
    """The content of figures.json. Rows of the confusion matrix are truths.

    `missing` are cases with a truth that were not predicted and so are not in any figure.
    """

    document: ClassVar[str] = "figures"
    schema: ClassVar[int] = 1

    title: str
    classes: tuple[str, ...]
    n_cases: int
    n_patients: int
    confusion: tuple[tuple[int, ...], ...]
    figures: tuple[Figure, ...]
    level: float
    n_bootstrap: int
    seed: int
    missing: tuple[str, ...] = ()
    note: str = "Research use only. Not a medical device."
