"""Reading predictions and truths, all faults in one error."""

from __future__ import annotations

import dataclasses
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import number
from ricenet_v2.core.spelling import composed
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.row_faults import (
    PREFIX,
    Fault,
    Row,
    RowFaults,
    has_no_label,
    unknown_classes,
)
from ricenet_v2.inference.prior import BALANCED
from ricenet_v2.inference.recalibration import predictions_beside
from ricenet_v2.records.presence import PRESENT
from ricenet_v2.store.case_table import check_case_table
from ricenet_v2.store.tables import read_rows, read_table

_KNOWN = {"case_id", "patient_id", "label", "split", "predicted", "fold", PRESENT}
_MEMBER = re.compile(r"prob_(.+)__fold_(\d+)")
_MOST_LISTED = 50
_CORRECT = "Correct the table."
_REMEDY = (
    f"{_CORRECT} Predict what is missing and label what has no label, or evaluate the other cases "
    "with --allow_missing."
)


def classes_of(rows: Sequence[Row], file: Path) -> tuple[str, ...]:
    """Class names from the columns prob_<class>, in their order.

    Raises:
        DatasetError: No rows, or fewer than two such columns.
    """
    columns = list(rows[0]) if rows else []
    names = tuple(
        name.removeprefix(PREFIX)
        for name in columns
        if name.startswith(PREFIX) and not _MEMBER.fullmatch(name)
    )
    if len(names) < 2 or "case_id" not in columns:
        raise DatasetError(
            "This is not a table of predictions.",
            file=file,
            expected="columns case_id and prob_<class> for each class, and at least one row",
            got=", ".join(columns) or "no rows",
        )
    return names


def read_labelled(
    predictions: Path,
    truth: Path | None = None,
    covariates: Path | None = None,
    *,
    allow_missing: bool = False,
    named: tuple[str, ...] = (),
) -> LabelledPredictions:
    """Read predictions, and the truths from a table with case_id, label and maybe patient_id.

    Args:
        predictions: predictions.csv, or validation.csv, which holds its own labels.
        truth: Table of truths; None takes the labels of `predictions`.
        covariates: Table with case_id and further columns; that of the truths where None.
        allow_missing: Whether cases that should have been predicted may be missing, and labels
            of cases that were; such cases are left out and listed.
        named: Classes of the dataset; those that the table has columns of where empty.

    Raises:
        DatasetError: Double, unknown or missing cases, unknown classes, probabilities that are no
            numbers or do not sum to one; all of them in one text.
    """
    rows: list[Row] = list(read_rows(predictions))
    classes = classes_of(rows, predictions)
    truths = _cases(truth, ("case_id", "label")) if truth else rows
    rows = _with_spelling_of(rows, truths)
    known = {row["case_id"]: row for row in truths}
    missing = _missing(rows, truths)
    named = named or classes
    unlabelled = _unlabelled(rows, known, named)
    folds = _member_folds(rows[0], classes)
    faults = unknown_classes(classes, named)
    faults += [(case, f"predicted {n} times") for case, n in _doubled(rows)]
    faults += [(case, f"{n} times in the table of labels") for case, n in _doubled(truths) if truth]
    columns = {"": [PREFIX + name for name in classes]}
    columns |= {f" of fold {fold}": _of_member(classes, fold) for fold in folds}
    judged = RowFaults(known, named, columns)
    for row in rows:
        if not (allow_missing and row["case_id"] in unlabelled):
            faults += judged.of(row)
    if not allow_missing:
        faults += [(case, "not predicted") for case in missing]
    if faults:
        raise DatasetError(
            "The predictions cannot be evaluated.",
            file=predictions,
            expected=f"one row per case of {truth or predictions}, classes {', '.join(named)}, "
            "probabilities that sum to 1",
            got=f"{len(faults)} fault{'s' * (len(faults) > 1)}\n    "
            + "\n    ".join(_table(faults)),
            remedy=_REMEDY if not allow_missing and (missing or unlabelled) else _CORRECT,
        )
    rows = [row for row in rows if row["case_id"] not in unlabelled]
    if not rows:
        raise DatasetError("No predicted case has a known label.", file=truth or predictions)
    described = (
        {row["case_id"]: row for row in _cases(covariates, ("case_id",))} if covariates else known
    )
    truth_rows = [known[row["case_id"]] for row in rows]
    labelled = _labelled(rows, truth_rows, classes, folds, missing, _covariates(rows, described))
    return dataclasses.replace(with_decision_rule(labelled, predictions), unlabelled=unlabelled)


def _cases(file: Path, columns: Sequence[str]) -> list[dict[str, str]]:
    table = read_table(file)
    check_case_table(table, columns)
    return table.rows


def _with_spelling_of(rows: Sequence[Row], truths: Sequence[Row]) -> list[Row]:
    """Rows whose ids have the (invisible) Unicode normal form of those of the truths."""
    ids = {composed(row["case_id"]): row["case_id"] for row in truths}
    named = [(row, ids.get(composed(row["case_id"]), row["case_id"])) for row in rows]
    return [row if case == row["case_id"] else {**row, "case_id": case} for row, case in named]


def with_decision_rule(labelled: LabelledPredictions, file: Path) -> LabelledPredictions:
    """Add the prior and the decision rule, where a predictions.json beside them has them.

    The shares of votes are no probabilities, and no prior is theirs.

    Raises:
        DatasetError: That file is of other classes.
    """
    provenance = predictions_beside(file)
    if provenance is None or not provenance.prior or provenance.combine != "mean":
        return labelled
    if set(provenance.classes) != set(labelled.classes) or len(provenance.prior) != len(
        provenance.classes
    ):
        raise DatasetError(
            "The predictions.json in this folder belongs to other predictions.",
            file=file,
            expected=f"classes {', '.join(labelled.classes)}, with a prior for each",
            got=f"classes {', '.join(provenance.classes)}, {len(provenance.prior)} priors",
            remedy="Put both files, as ricenet_predict wrote them, into one folder.",
        )
    order = [provenance.classes.index(name) for name in labelled.classes]
    prior = tuple(provenance.prior[index] for index in order)
    return dataclasses.replace(labelled, prior=prior, decide=provenance.decide or BALANCED)


def _labelled(
    rows: Sequence[Row],
    truth_rows: Sequence[Row],
    classes: tuple[str, ...],
    folds: tuple[int, ...],
    missing: tuple[str, ...],
    covariates: Mapping[str, tuple[str, ...]],
) -> LabelledPredictions:
    """Rows without faults as arrays; `truth_rows` hold the truths of the same cases."""
    numbers = _numbers(rows, [PREFIX + name for name in classes])
    index = {name: number for number, name in enumerate(classes)}
    predicted = numbers.argmax(axis=1)
    if "predicted" in rows[0]:
        predicted = np.array([index[row["predicted"]] for row in rows])
    return LabelledPredictions(
        case_ids=tuple(row["case_id"] for row in rows),
        patients=tuple(row.get("patient_id") or row["case_id"] for row in truth_rows),
        truth=np.array([index[row["label"]] for row in truth_rows]),
        predicted=predicted,
        probabilities=numbers,
        classes=classes,
        missing=missing,
        folds=_folds(rows),
        members={fold: _numbers(rows, _of_member(classes, fold)) for fold in folds},
        covariates=covariates,
    )


def _table(faults: Sequence[Fault]) -> list[str]:
    """Lines of a table with a case and a fault in each."""
    lines = [("case", "fault"), *faults[:_MOST_LISTED]]
    width = max(len(case) for case, _ in lines)
    more = [f"... and {len(faults) - _MOST_LISTED:,} more"] if len(faults) > _MOST_LISTED else []
    return [*(f"{case:{width}}  {fault}" for case, fault in lines), *more]


def _numbers(rows: Sequence[Row], columns: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[float(row[name]) for name in columns] for row in rows])


def _member_folds(row: Row, classes: tuple[str, ...]) -> tuple[int, ...]:
    """Folds whose networks have a column for every class."""
    matches = [match for name in row if (match := _MEMBER.fullmatch(name))]
    counts = Counter(number(match[2]) for match in matches if match[1] in classes)
    whole = (fold for fold, n in counts.items() if n == len(classes))
    return tuple(sorted(fold for fold in whole if fold is not None))


def _folds(rows: Sequence[Row]) -> tuple[int, ...]:
    cells = [row.get("fold", "") for row in rows]
    folds = [fold for cell in cells if (fold := number(cell)) is not None]
    return tuple(folds) if len(folds) == len(cells) else ()


def _covariates(rows: Sequence[Row], described: Mapping[str, Row]) -> dict[str, tuple[str, ...]]:
    columns = [
        name
        for name in next(iter(described.values()), {})
        if name not in _KNOWN | set(_NOT_COVARIATES) and not name.startswith(PREFIX)
    ]
    empty: Row = {}
    covariates = {
        name: tuple(described.get(row["case_id"], empty).get(name, "") for row in rows)
        for name in columns
    }
    # What the networks saw, and not what cases.csv says now.
    seen = tuple(row.get(PRESENT, "") for row in rows)
    return {PRESENT: seen, **covariates} if len(set(seen)) > 1 else covariates


_NOT_COVARIATES = ("entropy", "agreement", "disagreement", "distance", "distance_flag", "warnings")


def _doubled(rows: Sequence[Row]) -> list[tuple[str, int]]:
    counts = Counter(row["case_id"] for row in rows)
    return [(case, n) for case, n in counts.items() if n > 1]


def _missing(rows: Sequence[Row], truths: Sequence[Row]) -> tuple[str, ...]:
    predicted = {row["case_id"] for row in rows}
    splits = {_split_of(row) for row in truths if row["case_id"] in predicted}
    return tuple(
        row["case_id"]
        for row in truths
        if row["case_id"] not in predicted and _split_of(row) in splits
    )


def _split_of(row: Row) -> str:
    return row.get("split", "").lower()


def _unlabelled(
    rows: Sequence[Row], truths: Mapping[str, Row], classes: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(
        case
        for case in (row["case_id"] for row in rows)
        if case in truths and has_no_label(truths[case], classes)
    )


def _of_member(classes: Sequence[str], fold: int) -> list[str]:
    """Columns of the network of a fold."""
    return [f"{PREFIX}{name}__fold_{fold}" for name in classes]
