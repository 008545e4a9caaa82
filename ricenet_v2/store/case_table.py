"""Tables of cases: cases.csv, and the columns that other tables of cases need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import fault_of, is_path
from ricenet_v2.core.spelling import Spellings, composed
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Case, Split
from ricenet_v2.records.presence import PRESENT
from ricenet_v2.store.tables import CsvTable, read_table

_COLUMNS = ("case_id", "patient_id", "label", "split")
IMAGE_ID = "image_id"
_NO_COVARIATES = (*_COLUMNS, IMAGE_ID, PRESENT)
_MOST_FAULTS = 20


def read_cases(path: Path) -> tuple[Case, ...]:
    """Read cases.csv: case_id, patient_id, label, split, then any covariates.

    The columns `image_id` and `channels` are no covariates.

    Raises:
        DatasetError: A column is missing, a case id is empty or no file name, a split is unknown.
    """
    table = read_table(path)
    check_case_table(table, _COLUMNS)
    faults = [
        f"line {line}: {fault}"
        for line, row in zip(table.lines, table.rows, strict=True)
        if (fault := _fault_of(row))
    ]
    if faults:
        more = [f"... and {len(faults) - _MOST_FAULTS:,} more"] if faults[_MOST_FAULTS:] else []
        raise DatasetError(
            f"{len(faults)} row(s) of cases.csv cannot be used.",
            file=path,
            expected="a case_id that can be part of a file name, and split train or test",
            got="".join(f"\n    {fault}" for fault in [*faults[:_MOST_FAULTS], *more]),
            remedy="Correct the rows. Cases to validate on have split train: the folds hold them "
            "out in turn.",
        )
    return tuple(map(_case_of, table.rows))


def rows_by_id(cases: Sequence[Case], file: Path) -> dict[str, Case]:
    """The rows of cases.csv by case id.

    Raises:
        DatasetError: Several rows are of one case, in whatever Unicode normal form its id is.
    """
    counts = Counter(composed(case.case_id) for case in cases)
    several = [case.case_id for case in cases if counts[composed(case.case_id)] > 1]
    if several:
        raise DatasetError(
            "A case has several rows in cases.csv.",
            file=file,
            expected="one row for each case; names that differ only in their Unicode normal form "
            "are one",
            got=", ".join(map(ascii, several[:_MOST_FAULTS])),
            remedy="Keep one row, or give the other case an id and images of its own.",
        )
    return {case.case_id: case for case in cases}


def check_case_table(table: CsvTable, columns: Sequence[str]) -> None:
    """Refuse a table of cases without rows, or without one of these columns.

    Raises:
        DatasetError: The text names columns that are spelled nearly like those that are missing.
    """
    missing = [name for name in columns if name not in table.columns]
    if not missing and table.rows:
        return
    spellings = Spellings(table.columns)
    similar = {name: spellings.near(name) for name in missing}
    renamed = [f"Rename {near[0]!r} to {name!r}." for name, near in similar.items() if near]
    absent = ", ".join(name for name, near in similar.items() if not near)
    raise DatasetError(
        "This table of cases lacks columns." if missing else "This table of cases has no rows.",
        file=table.file,
        expected=", ".join(columns) + ", and a row for each case",
        got=", ".join(table.columns) + ("" if table.rows else "; no rows"),
        remedy=" ".join([*renamed, *([f"Add: {absent}"] if absent else [])])
        or "Add a row for each case.",
    )


def _fault_of(row: dict[str, str]) -> str:
    """Why a row is no case, in words; other faults of a name are findings of the check."""
    case_id, split = row["case_id"], row["split"]
    fault = fault_of(case_id) if not case_id or is_path(case_id) else ""
    faults = [f"case_id {case_id!r}: {fault}"] if fault else []
    image_id = row.get(IMAGE_ID, "")
    if image_id and (fault := fault_of(image_id)):
        faults.append(f"{IMAGE_ID} {image_id!r}: {fault}")
    if split.lower() not in get_args(Split):
        faults.append(f"split {split!r} of case {case_id}")
    return ", ".join(faults)


def _case_of(row: dict[str, str]) -> Case:
    return Case(
        case_id=row["case_id"],
        patient_id=row["patient_id"] or row["case_id"],
        label=row["label"],
        split="train" if row["split"].lower() == "train" else "test",
        covariates={name: cell for name, cell in row.items() if name not in _NO_COVARIATES},
        image_id="" if row.get(IMAGE_ID, "") == row["case_id"] else row.get(IMAGE_ID, ""),
        channels=known(row.get(PRESENT, "")),
    )
