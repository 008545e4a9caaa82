"""Temperature scaling of a model."""

from __future__ import annotations

from typing import ClassVar

from ricenet_v2.core.documents import record
from ricenet_v2.records.figures import Figure


@record
class Calibration:
    """The content of calibration.json in a model folder.

    Attributes:
        temperature: Logits are divided by it; above 1 makes probabilities less extreme.
        low: Lower end of its interval; None where there is none.
        high: Upper end.
        n_cases: Out-of-fold cases that it was fitted on.
        n_patients: Their patients.
        method: How it was fitted, with the seed of the interval.
        fitted_on: SHA-256 of each fold's validation.csv, by file name relative to the model.
        before: Figures of the out-of-fold predictions as they are.
        after: The same when each fold is scaled by the temperature of the other folds.
        ensemble_before: Figures of the ensemble on a test set, where one was named.
        ensemble_after: The same with each member scaled, then averaged.
        warning: In words, where there were few cases or the fit met its bounds.
        note: Intended use.
        command: As typed, with `~` for the home folder; empty in older files.
    """

    document: ClassVar[str] = "calibration"
    schema: ClassVar[int] = 1

    temperature: float
    low: float | None
    high: float | None
    n_cases: int
    n_patients: int
    method: str
    fitted_on: dict[str, str]
    before: tuple[Figure, ...]
    after: tuple[Figure, ...]
    ensemble_before: tuple[Figure, ...] = ()
    ensemble_after: tuple[Figure, ...] = ()
    warning: str = ""
    note: str = "Research use only. Not a medical device."
    command: tuple[str, ...] = ()
