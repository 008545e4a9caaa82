"""One prediction for each patient from those of the lesions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ricenet_v2.records.cells import digits
from ricenet_v2.records.prediction import CasePrediction, Predictions
from ricenet_v2.store import tables

PatientRule = Literal["worst", "mean", "largest"]
PATIENT_RULES: tuple[PatientRule, ...] = get_args(PatientRule)
PATIENTS_CSV = "patients.csv"
_MEANINGS = {
    "worst": "the lesion with the largest probability of {positive}",
    "mean": "the mean over the lesions",
    "largest": "the largest lesion",
}


def write_patients(
    output: Path,
    predictions: Predictions,
    patients: Mapping[str, str],
    volumes: Mapping[str, float],
    rule: PatientRule,
    positive: str,
) -> Path:
    """Write patients.csv: one row for each patient, with the rule that made it.

    Args:
        output: Folder of the predictions.
        predictions: Predictions of the lesions.
        patients: Patient of each case; others are left out.
        volumes: Volumes of the lesions, mL, by case.
        rule: Rule by which lesions become a patient.
        positive: The class whose largest probability is the worst.
    """
    lesions: dict[str, list[CasePrediction]] = defaultdict(list)
    for case in predictions.cases:
        if case.case_id in patients:
            lesions[patients[case.case_id]].append(case)
    rows = [
        _row(patient, lesions[patient], predictions, volumes, rule, positive)
        for patient in sorted(lesions)
    ]
    columns = ("patient_id", "lesions", "rule", "meaning", "decided_by", "predicted")
    probabilities = [f"prob_{name}" for name in predictions.classes]
    path = output / PATIENTS_CSV
    tables.write_rows(path, rows, [*columns, *probabilities])
    return path


def _row(
    patient: str,
    cases: list[CasePrediction],
    predictions: Predictions,
    volumes: Mapping[str, float],
    rule: PatientRule,
    positive: str,
) -> dict[str, object]:
    chosen, shares = combined(cases, predictions, volumes, rule, positive)
    if chosen is not None:
        predicted = chosen.predicted
    else:
        weights = np.array(predictions.prior or (1.0,) * len(shares))
        is_balanced = predictions.decide == "balanced" and len(weights) == len(shares)
        best = np.argmax(np.array(shares) / weights) if is_balanced else np.argmax(shares)
        predicted = predictions.classes[int(best)]
    return {
        "patient_id": patient,
        "lesions": len(cases),
        "rule": rule,
        "meaning": _MEANINGS[rule].format(positive=positive),
        "decided_by": "" if chosen is None else chosen.case_id,
        "predicted": predicted,
        **{
            f"prob_{name}": digits(value)
            for name, value in zip(predictions.classes, shares, strict=True)
        },
    }


def combined(
    cases: list[CasePrediction],
    predictions: Predictions,
    volumes: Mapping[str, float],
    rule: PatientRule,
    positive: str,
) -> tuple[CasePrediction | None, tuple[float, ...]]:
    """The lesion that decides, if one does, and the probabilities of the patient."""
    if rule == "mean":
        means = np.mean([case.probabilities for case in cases], axis=0).tolist()
        return None, tuple(float(value) for value in means)
    index = predictions.classes.index(positive)
    ordered = sorted(cases, key=lambda case: case.case_id)
    if rule == "worst":
        chosen = max(ordered, key=lambda case: case.probabilities[index])
    else:
        chosen = max(ordered, key=lambda case: volumes.get(case.case_id, 0.0))
    return chosen, chosen.probabilities
