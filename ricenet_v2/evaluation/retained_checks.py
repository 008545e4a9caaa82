"""Checks that were requested in an earlier evaluation of the same predictions."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.evaluation_input import EvaluationInput
from ricenet_v2.evaluation.permutation import LABEL_PERMUTATION
from ricenet_v2.evaluation.sanity import SIZE_AND_SPACING
from ricenet_v2.records.sanity import Sanity, SanityCheck

_ON_REQUEST = {LABEL_PERMUTATION, SIZE_AND_SPACING}


def checked_hash(evaluated: EvaluationInput) -> str:
    """SHA-256 of all that a check rests on: cases, patients, truths, folds, predictions, sizes."""
    labelled = evaluated.labelled
    measured = evaluated.dataset.fingerprint if evaluated.dataset is not None else None
    has_sizes = measured is not None and measured.is_file()
    content = (
        evaluated.source,
        evaluated.positive,
        labelled.classes,
        labelled.case_ids,
        labelled.patients,
        labelled.folds,
        labelled.truth.tolist(),
        labelled.predicted.tolist(),
        labelled.probabilities.tolist(),
        sha256_of_file(measured) if measured is not None and has_sizes else "",
    )
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def with_retained(sanity: Sanity, evaluated: EvaluationInput, file: Path) -> tuple[Sanity, str]:
    """The checks with those that only an earlier evaluation of the same predictions made.

    Args:
        sanity: New checks.
        evaluated: The predictions that they are of.
        file: sanity.json of earlier, which may be missing.

    Returns:
        The checks to write, and a text on which earlier ones were kept or dropped, or an empty one.
    """
    sanity = replace(sanity, checked_hash=checked_hash(evaluated))
    try:
        before = documents.read(Sanity, file) if file.is_file() else None
    except DocumentError as error:
        return sanity, f"Earlier checks cannot be read and are dropped: {error.what}"
    new = {check.name for check in sanity.checks}
    rest = [check for check in before.checks if check.name in _ON_REQUEST - new] if before else []
    if before is None or not rest:
        return sanity, ""
    if before.checked_hash != sanity.checked_hash:
        return sanity, f"Earlier checks were of other predictions and are dropped: {_names(rest)}"
    note = f"Kept from an earlier evaluation of the same predictions: {_names(rest)}"
    return replace(sanity, checks=(*sanity.checks, *rest)), note


def _names(checks: list[SanityCheck]) -> str:
    return ", ".join(check.name for check in checks)
