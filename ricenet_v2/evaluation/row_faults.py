"""Faults of single rows of a table of predictions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from ricenet_v2.core.spelling import Spellings
from ricenet_v2.records.cells import has_comma, name_in

PREFIX = "prob_"
"""Prefix of the columns of probabilities."""
_SUM_TOLERANCE = 1e-3

Row = Mapping[str, str]
Fault = tuple[str, str]
"""Case and its fault."""


class RowFaults:
    """Judges rows of predictions by the truths of their cases."""

    def __init__(
        self,
        truths: Mapping[str, Row],
        classes: Sequence[str],
        columns: Mapping[str, Sequence[str]],
    ) -> None:
        """Keep what the rows are compared with.

        Args:
            truths: Row of the table of truths, by case id.
            classes: Classes of the dataset.
            columns: Columns of probabilities, of the ensemble and of each member.
        """
        self._truths, self._classes, self._columns = truths, classes, columns
        self._cases, self._labels = Spellings(truths), Spellings(classes)

    def of(self, row: Row) -> list[Fault]:
        """Faults of one row."""
        case = row["case_id"]
        faults = self._of_truth(case)
        if row.get("predicted", self._classes[0]) not in self._classes:
            faults.append(f"predicted {row['predicted']!r} is not a class")
        for of, names in self._columns.items():
            if fault := _fault_of([row[name] for name in names]):
                faults.append(f"probabilities{of} {fault}")
        return [(case, fault) for fault in faults]

    def _of_truth(self, case: str) -> list[str]:
        truth = self._truths.get(case)
        if truth is None:
            return [f"not in the table of labels{_near_spelling(self._cases.near(case))}"]
        faults = []
        label, patient = truth.get("label", ""), truth.get("patient_id", "")
        if has_no_label(truth, self._classes):
            faults.append("its label is not known")
        elif label not in self._classes:
            faults.append(
                f"its label {label!r} is not a class{_near_spelling(self._labels.near(label))}"
            )
        if patient and not name_in(patient):
            faults.append(
                f"its patient_id {patient!r} names no patient (leave the cell empty where each "
                "case is a patient of its own)"
            )
        return faults


def _near_spelling(near: tuple[str, str] | None) -> str:
    return f" ({near[0]!r} {near[1]})" if near else ""


def has_no_label(truth: Row, classes: Sequence[str]) -> bool:
    """Whether a row says of its label only that it is not known (a class may be called unknown)."""
    label = truth.get("label", "")
    return label not in classes and not name_in(label)


def unknown_classes(classes: Sequence[str], named: Sequence[str]) -> list[Fault]:
    """Columns that are of no class, and classes without a column."""
    faults = [f"column {PREFIX}{name} is of no class" for name in classes if name not in named]
    faults += [f"there is no column {PREFIX}{name}" for name in named if name not in classes]
    return [("(all)", fault) for fault in faults]


def _fault_of(cells: Sequence[str]) -> str:
    """Fault of the probabilities of one case; empty where there is none."""
    listed = ", ".join(cell or "(empty)" for cell in cells)
    if any(map(has_comma, cells)):
        listed += " (a comma is read as a decimal one where all cells of its column are numbers)"
    try:
        numbers = [float(cell) for cell in cells]
    except ValueError:
        return f"are not all numbers: {listed}"
    if any(math.isnan(value) for value in numbers):
        return f"are not all numbers: {listed}"
    if not all(-1e-6 <= value <= 1 + 1e-6 for value in numbers):
        return f"are not between 0 and 1: {listed}"
    if abs(sum(numbers) - 1) > _SUM_TOLERANCE:
        return f"sum to {sum(numbers):.4g}"
    return ""
