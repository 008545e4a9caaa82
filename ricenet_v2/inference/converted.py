"""Patients whose studies were converted to be predicted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from ricenet_v2.records.prediction import CasePrediction


@dataclass(frozen=True)
class ConvertedPatients:
    """Patients of a folder to predict, and what their conversion reported.

    Attributes:
        cases: Ids of those that are to be predicted.
        refused: Why others cannot be, by id, in words that identify nobody.
        notes: Notes on a prediction, by id, in such words.
    """

    cases: tuple[str, ...]
    refused: Mapping[str, str]
    notes: Mapping[str, tuple[str, ...]]

    def noted(self, prediction: CasePrediction) -> CasePrediction:
        """A prediction with the notes on its conversion."""
        notes = self.notes.get(prediction.case_id, ())
        return replace(prediction, warnings=(*notes, *prediction.warnings))
