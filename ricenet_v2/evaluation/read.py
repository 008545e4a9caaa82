"""Reading predictions and truths, all faults in one error."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.tables import read_rows

_PREFIX = "prob_"
_SUM_TOLERANCE = 1e-3


@dataclass(frozen=True)
class Scored:
    """Predictions with their truths, row by row.

    `missing` are the cases of the table of truths that were not predicted; where the table has a
    column `split`, only those of a split that was predicted.
    """

    case_ids: tuple[str, ...]
    patients: tuple[str, ...]
    truth: NDArray[np.intp]
    predicted: NDArray[np.intp]
    probabilities: NDArray[np.float64]
    classes: tuple[str, ...]
    missing: tuple[str, ...] = ()


def classes_of(rows: Sequence[Mapping[str, str]], file: Path) -> tuple[str, ...]:
    """Class names from the columns prob_<class>, in their order.

    Raises:
        DatasetError: No rows, or fewer than two such columns.
    """
    columns = list(rows[0]) if rows else []
    found = tuple(
        name.removeprefix(_PREFIX)
        for name in columns
        if name.startswith(_PREFIX) and "__fold_" not in name
    )
    if len(found) < 2 or "case_id" not in columns:
        raise DatasetError(
            "This is not a table of predictions.",
            file=file,
            expected="columns case_id and prob_<class> for each class, and at least one row",
            got=", ".join(columns) or "no rows",
        )
    return found


def read_scored(predictions: Path, truth: Path | None = None) -> Scored:
    """Read predictions, and the truths from a table with case_id, label and maybe patient_id.

    Args:
        predictions: predictions.csv, or validation.csv, which holds its own labels.
        truth: Table of truths; None takes the labels of `predictions`.

    Raises:
        DatasetError: Double or unknown cases, unknown classes, probabilities that are no numbers
            or do not sum to one; all of them in one text.
    """
    rows = read_rows(predictions)
    classes = classes_of(rows, predictions)
    truths = read_rows(truth) if truth else rows
    if truths and "case_id" not in truths[0]:
        raise DatasetError(
            "This is not a table of truths.",
            file=truth,
            expected="columns case_id and label",
            got=", ".join(truths[0]),
        )
    known = {row["case_id"]: row for row in truths}
    faults = [f"{case}: predicted {n} times" for case, n in _doubled(rows)]
    faults += [f"{case}: {n} times in the table of truths" for case, n in _doubled(truths) if truth]
    for row in rows:
        faults += _faults(row, known.get(row["case_id"]), classes)
    if faults:
        raise DatasetError(
            f"{len(faults)} fault(s) in the predictions.",
            file=predictions,
            expected=f"one row per case of {truth or predictions}, classes {', '.join(classes)}, "
            "probabilities that sum to 1",
            got="\n    " + "\n    ".join(faults),
        )
    numbers = np.array([[float(row[_PREFIX + name]) for name in classes] for row in rows])
    called = numbers.argmax(axis=1)
    if "predicted" in rows[0]:
        called = np.array([classes.index(row["predicted"]) for row in rows])
    return Scored(
        case_ids=tuple(row["case_id"] for row in rows),
        patients=tuple(known[row["case_id"]].get("patient_id") or row["case_id"] for row in rows),
        truth=np.array([classes.index(known[row["case_id"]]["label"]) for row in rows]),
        predicted=called,
        probabilities=numbers,
        classes=classes,
        missing=_missing(rows, truths),
    )


def _doubled(rows: Sequence[Mapping[str, str]]) -> list[tuple[str, int]]:
    counts = Counter(row["case_id"] for row in rows)
    return [(case, n) for case, n in counts.items() if n > 1]


def _missing(
    rows: Sequence[Mapping[str, str]], truths: Sequence[Mapping[str, str]]
) -> tuple[str, ...]:
    predicted = {row["case_id"] for row in rows}
    splits = {row.get("split") for row in truths if row["case_id"] in predicted}
    return tuple(
        row["case_id"]
        for row in truths
        if row["case_id"] not in predicted and row.get("split") in splits
    )


def _faults(
    row: Mapping[str, str], truth: Mapping[str, str] | None, classes: tuple[str, ...]
) -> list[str]:
    case, found = row["case_id"], []
    if truth is None:
        found.append(f"{case}: not in the table of truths")
    elif truth.get("label") not in classes:
        found.append(f"{case}: its label {truth.get('label')!r} is not a class")
    if row.get("predicted", classes[0]) not in classes:
        found.append(f"{case}: predicted {row['predicted']!r} is not a class")
    try:
        numbers = [float(row[_PREFIX + name]) for name in classes]
    except ValueError as error:
        return [*found, f"{case}: {error}"]
    if not all(math.isfinite(v) and -1e-6 <= v <= 1 + 1e-6 for v in numbers):
        found.append(f"{case}: probabilities {numbers} are not between 0 and 1")
    elif abs(sum(numbers) - 1) > _SUM_TOLERANCE:
        found.append(f"{case}: probabilities sum to {sum(numbers):.4g}")
    return found
