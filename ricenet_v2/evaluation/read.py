"""Reading predictions and truths, all faults in one error."""

from __future__ import annotations

import dataclasses
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import number
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.inference.prior import BALANCED
from ricenet_v2.inference.recalibration import predictions_beside
from ricenet_v2.records.cells import known as cell_of
from ricenet_v2.store.tables import read_rows

_PREFIX = "prob_"
_SUM_TOLERANCE = 1e-3
_KNOWN = {"case_id", "patient_id", "label", "split", "predicted", "fold"}
_MEMBER = re.compile(r"prob_(.+)__fold_(\d+)")
_MOST_TOLD = 50
_CORRECT = "Correct the table."
_REMEDY = (
    f"{_CORRECT} Predict what is missing and label what has no label, or evaluate the other cases "
    "with --allow_missing."
)

Row = Mapping[str, str]
Fault = tuple[str, str]
"""Case and what is wrong with it."""


def classes_of(rows: Sequence[Row], file: Path) -> tuple[str, ...]:
    """Class names from the columns prob_<class>, in their order.

    Raises:
        DatasetError: No rows, or fewer than two such columns.
    """
    columns = list(rows[0]) if rows else []
    found = tuple(
        name.removeprefix(_PREFIX)
        for name in columns
        if name.startswith(_PREFIX) and not _MEMBER.fullmatch(name)
    )
    if len(found) < 2 or "case_id" not in columns:
        raise DatasetError(
            "This is not a table of predictions.",
            file=file,
            expected="columns case_id and prob_<class> for each class, and at least one row",
            got=", ".join(columns) or "no rows",
        )
    return found


def read_scored(
    predictions: Path,
    truth: Path | None = None,
    covariates: Path | None = None,
    *,
    allow_missing: bool = False,
    named: tuple[str, ...] = (),
) -> Scored:
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
    missing = _missing(rows, truths)
    named = named or classes
    unlabelled = _unlabelled(rows, known, named)
    folds = _member_folds(rows[0], classes)
    faults = _unknown_classes(classes, named)
    faults += [(case, f"predicted {n} times") for case, n in _doubled(rows)]
    faults += [(case, f"{n} times in the table of truths") for case, n in _doubled(truths) if truth]
    columns = {"": [_PREFIX + name for name in classes]}
    columns |= {f" of fold {fold}": _of_member(classes, fold) for fold in folds}
    for row in rows:
        if allow_missing and row["case_id"] in unlabelled:
            continue
        faults += _faults(row, known.get(row["case_id"]), named, columns)
    if not allow_missing:
        faults += [(case, "not predicted") for case in missing]
    if faults:
        raise DatasetError(
            "The predictions have faults.",
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
    described = {row["case_id"]: row for row in read_rows(covariates)} if covariates else known
    own = [known[row["case_id"]] for row in rows]
    made = _scored(rows, own, classes, folds, missing, _covariates(rows, described))
    return dataclasses.replace(called_as_made(made, predictions), unlabelled=unlabelled)


def called_as_made(scored: Scored, file: Path) -> Scored:
    """With the prior and the rule of the calls, where a predictions.json beside them says so.

    The shares of votes are no probabilities, and no prior is theirs.

    Raises:
        DatasetError: That file is of other classes.
    """
    made = predictions_beside(file)
    if made is None or not made.prior or made.combine != "mean":
        return scored
    if set(made.classes) != set(scored.classes) or len(made.prior) != len(made.classes):
        raise DatasetError(
            "The predictions.json beside this table is not of these predictions.",
            file=file,
            expected=f"classes {', '.join(scored.classes)}, with a prior for each",
            got=f"classes {', '.join(made.classes)}, {len(made.prior)} priors",
            remedy="Put both files as ricenet_predict wrote them into a folder of their own.",
        )
    order = [made.classes.index(name) for name in scored.classes]
    prior = tuple(made.prior[index] for index in order)
    return dataclasses.replace(scored, prior=prior, decide=made.decide or BALANCED)


def _scored(
    rows: Sequence[Row],
    own: Sequence[Row],
    classes: tuple[str, ...],
    folds: tuple[int, ...],
    missing: tuple[str, ...],
    covariates: Mapping[str, tuple[str, ...]],
) -> Scored:
    """Rows without faults as arrays; `own` are the truths of the same cases."""
    numbers = _numbers(rows, [_PREFIX + name for name in classes])
    index = {name: number for number, name in enumerate(classes)}
    called = numbers.argmax(axis=1)
    if "predicted" in rows[0]:
        called = np.array([index[row["predicted"]] for row in rows])
    return Scored(
        case_ids=tuple(row["case_id"] for row in rows),
        patients=tuple(row.get("patient_id") or row["case_id"] for row in own),
        truth=np.array([index[row["label"]] for row in own]),
        predicted=called,
        probabilities=numbers,
        classes=classes,
        missing=missing,
        folds=_folds(rows),
        members={fold: _numbers(rows, _of_member(classes, fold)) for fold in folds},
        covariates=covariates,
    )


def _table(faults: Sequence[Fault]) -> list[str]:
    """Lines of a table with a case and a fault in each."""
    told = [("case", "fault"), *faults[:_MOST_TOLD]]
    width = max(len(case) for case, _ in told)
    more = [f"... and {len(faults) - _MOST_TOLD:,} more"] if len(faults) > _MOST_TOLD else []
    return [*(f"{case:{width}}  {fault}" for case, fault in told), *more]


def _numbers(rows: Sequence[Row], columns: Sequence[str]) -> NDArray[np.float64]:
    return np.array([[float(row[name]) for name in columns] for row in rows])


def _member_folds(row: Row, classes: tuple[str, ...]) -> tuple[int, ...]:
    """Folds whose networks have a column for every class."""
    found = [match for name in row if (match := _MEMBER.fullmatch(name))]
    counts = Counter(number(match[2]) for match in found if match[1] in classes)
    whole = (fold for fold, n in counts.items() if n == len(classes))
    return tuple(sorted(fold for fold in whole if fold is not None))


def _folds(rows: Sequence[Row]) -> tuple[int, ...]:
    cells = [row.get("fold", "") for row in rows]
    found = [fold for cell in cells if (fold := number(cell)) is not None]
    return tuple(found) if len(found) == len(cells) else ()


def _covariates(rows: Sequence[Row], described: Mapping[str, Row]) -> dict[str, tuple[str, ...]]:
    columns = [
        name
        for name in next(iter(described.values()), {})
        if name not in _KNOWN | set(_NOT_COVARIATES) and not name.startswith(_PREFIX)
    ]
    empty: Row = {}
    return {
        name: tuple(described.get(row["case_id"], empty).get(name, "") for row in rows)
        for name in columns
    }


_NOT_COVARIATES = ("entropy", "agreement", "disagreement", "distance", "distance_flag", "warnings")


def _doubled(rows: Sequence[Row]) -> list[tuple[str, int]]:
    counts = Counter(row["case_id"] for row in rows)
    return [(case, n) for case, n in counts.items() if n > 1]


def _missing(rows: Sequence[Row], truths: Sequence[Row]) -> tuple[str, ...]:
    predicted = {row["case_id"] for row in rows}
    splits = {row.get("split") for row in truths if row["case_id"] in predicted}
    return tuple(
        row["case_id"]
        for row in truths
        if row["case_id"] not in predicted and row.get("split") in splits
    )


def _has_no_label(truth: Row, classes: tuple[str, ...]) -> bool:
    """Whether a row says of its label only that it is not known (a class may be called unknown)."""
    label = truth.get("label", "")
    return label not in classes and not cell_of(label)


def _unlabelled(
    rows: Sequence[Row], truths: Mapping[str, Row], classes: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(
        case
        for case in (row["case_id"] for row in rows)
        if case in truths and _has_no_label(truths[case], classes)
    )


def _of_member(classes: Sequence[str], fold: int) -> list[str]:
    """Columns of the network of a fold."""
    return [f"{_PREFIX}{name}__fold_{fold}" for name in classes]


def _unknown_classes(classes: Sequence[str], named: Sequence[str]) -> list[Fault]:
    """Columns that are of no class, and classes without a column."""
    found = [f"column {_PREFIX}{name} is of no class" for name in classes if name not in named]
    found += [f"there is no column {_PREFIX}{name}" for name in named if name not in classes]
    return [("(all)", fault) for fault in found]


def _faults(
    row: Row, truth: Row | None, named: tuple[str, ...], columns: Mapping[str, Sequence[str]]
) -> list[Fault]:
    """What is wrong with one row; `columns` are those of the ensemble and of each member."""
    found = []
    if truth is None:
        found.append("not in the table of truths")
    elif _has_no_label(truth, named):
        found.append("its label is not known")
    elif truth.get("label") not in named:
        found.append(f"its label {truth.get('label')!r} is not a class")
    if row.get("predicted", named[0]) not in named:
        found.append(f"predicted {row['predicted']!r} is not a class")
    for of, names in columns.items():
        fault = _fault_of([row[name] for name in names])
        if fault:
            found.append(f"probabilities{of} {fault}")
    return [(row["case_id"], fault) for fault in found]


def _fault_of(cells: Sequence[str]) -> str:
    """What is wrong with the probabilities of one case; empty where nothing is."""
    told = ", ".join(cell or "(empty)" for cell in cells)
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return f"are not all numbers: {told}"
    if any(math.isnan(value) for value in numbers):
        return f"are not all numbers: {told}"
    if not all(-1e-6 <= value <= 1 + 1e-6 for value in numbers):
        return f"are not between 0 and 1: {told}"
    if abs(sum(numbers) - 1) > _SUM_TOLERANCE:
        return f"sum to {sum(numbers):.4g}"
    return ""
