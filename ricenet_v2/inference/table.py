"""The tables of a folder of predictions: predictions.csv and predictions.json."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.records.cells import digits
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.records.presence import PRESENT, presence_text
from ricenet_v2.store import tables
from ricenet_v2.store.paths import PREDICTIONS_CSV, PREDICTIONS_JSON

OF_IMAGE = "image_prob_"
"""Begins the columns of the image alone, where covariates were added."""


def write_predictions(output: Path, predictions: Predictions, folds: Iterable[int]) -> None:
    """Write predictions.csv and predictions.json.

    Args:
        output: Folder.
        predictions: Predictions to write.
        folds: Folds of the members, in the order of their columns.
    """
    tables.write_rows(
        output / PREDICTIONS_CSV,
        [_row(case, predictions) for case in predictions.cases],
        _columns(predictions, folds),
    )
    documents.write(output / PREDICTIONS_JSON, predictions)


def _columns(predictions: Predictions, folds: Iterable[int]) -> list[str]:
    """The columns of predictions.csv, also where no case could be predicted."""
    classes = predictions.classes
    return [
        "case_id",
        "predicted",
        *(f"prob_{name}" for name in classes),
        *(f"prob_{name}__fold_{fold}" for fold in folds for name in classes),
        "entropy",
        "agreement",
        "disagreement",
        "distance",
        "distance_flag",
        "warnings",
        *(f"{OF_IMAGE}{name}" for name in classes if predictions.covariates),
        *((PRESENT,) if predictions.channels else ()),
    ]


def _row(case: CasePrediction, predictions: Predictions) -> dict[str, object]:
    combined = {
        f"prob_{name}": digits(value)
        for name, value in zip(predictions.classes, case.probabilities, strict=True)
    }
    members = {
        f"prob_{name}__fold_{member.fold}": digits(value)
        for member in case.members
        for name, value in zip(predictions.classes, member.probabilities, strict=True)
    }
    of_image = {
        f"{OF_IMAGE}{name}": digits(value)
        for name, value in zip(predictions.classes, case.image_probabilities, strict=False)
    }
    return {
        "case_id": case.case_id,
        "predicted": case.predicted,
        **combined,
        **members,
        "entropy": digits(case.entropy),
        "agreement": digits(case.agreement),
        "disagreement": digits(case.disagreement),
        "distance": digits(case.distance),
        "distance_flag": case.distance_flag,
        "warnings": "; ".join(case.warnings),
        **of_image,
        **_presence(case, predictions.channels),
    }


def _presence(case: CasePrediction, channels: Sequence[str]) -> dict[str, str]:
    if not channels:
        return {}
    missing = () if case.source is None else case.source.missing
    return {PRESENT: presence_text(channels, missing)}
