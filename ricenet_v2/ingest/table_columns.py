"""Roles of the columns of a table of labels, by their usual names."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.spelling import as_file
from ricenet_v2.records.cells import known
from ricenet_v2.records.dataset import Split
from ricenet_v2.store.any_table import AnyTable

PARTITION = "partition"
_TRAIN = {"train", "training", "tr"}
_TEST = {"test", "testing", "ts", "external"}
_VALIDATION = {"val", "valid", "validation", "dev", "tune"}
_TABLES = (".csv", ".tsv", ".txt")
_BETWEEN = re.compile(r"[\s_.-]+")
_NAMES = {
    "case": (
        *("case_id", "case", "caseid", "id", "image_id", "image", "scan", "scan_id", "study_id"),
        *("participant_id", "subject_id", "subject", "patient_id", "patient", "pid", "name"),
        *("filename", "file"),
    ),
    "label": (
        *("label", "class", "labels", "target", "diagnosis", "outcome", "y", "group", "category"),
        *("result", "response"),
    ),
    "patient": ("patient_id", "patient", "patientid", "subject_id", "subject", "participant_id"),
    "split": ("split", "set", "partition", "subset"),
}


@dataclass(frozen=True)
class TableColumns:
    """Names of columns; empty where there is none, or where it is to be chosen out.

    Attributes:
        case: Ids of cases.
        label: Classes.
        patient: Ids of patients.
        split: Train, test, and maybe validation.
    """

    case: str = ""
    label: str = ""
    patient: str = ""
    split: str = ""

    def is_validation(self, row: Mapping[str, str]) -> bool:
        """Whether the table says that a case is to validate on."""
        return bool(self.split) and known(row[self.split]).lower() in _VALIDATION

    def partition_of(self, row: Mapping[str, str], split: Split) -> str:
        """Side of a single validation set on which a case is; empty for a test case."""
        if self.is_validation(row):
            return "validation"
        return "train" if split == "train" else ""


def label_table(folder: Path) -> Path:
    """The only table of a folder.

    Raises:
        DatasetError: There is none, or there are several.
    """
    if not folder.is_dir():
        raise DatasetError("There is no such folder of images.", file=folder)
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in _TABLES)
    if len(files) != 1:
        raise DatasetError(
            "Cannot determine which table has the labels.",
            file=folder,
            expected="one .csv or .tsv file in the folder, or --labels FILE",
            got=", ".join(path.name for path in files) or "no table",
            remedy="Specify the table of cases and labels with --labels FILE.",
        )
    return files[0]


def columns_of(table: AnyTable, named: TableColumns, file: Path) -> TableColumns:
    """The columns of a table: those that are named, in any letter case, else by usual names.

    Raises:
        DatasetError: A named column is not there, or no column of cases or of labels is chosen.
    """
    there = {_plain(name): name for name in table.columns}
    chosen: dict[str, str] = {}
    for what, names in _NAMES.items():
        wanted = getattr(named, what)
        if wanted and _plain(wanted) not in there:
            raise _missing(what, wanted, table, file)
        usual = [there[_plain(name)] for name in names if _plain(name) in there]
        free = [name for name in usual if name not in chosen.values()]
        chosen[what] = there[_plain(wanted)] if wanted else next(iter(free), "")
    for what in ("case", "label"):
        if not chosen[what]:
            raise _missing(what, "", table, file)
    return TableColumns(**chosen)


def split_of(row: Mapping[str, str], columns: TableColumns, *, is_test: bool) -> Split:
    """The split of a case: of the table, else by the folder of its images.

    Raises:
        DatasetError: The cell says something else.
    """
    said = known(row[columns.split]).lower() if columns.split else ""
    if not said:
        return "test" if is_test else "train"
    if said not in _TRAIN | _TEST | _VALIDATION:
        raise DatasetError(
            f"The column {columns.split} contradicts the case's split.",
            case=row[columns.case],
            expected=", ".join(sorted(_TRAIN | _TEST | _VALIDATION)),
            got=row[columns.split],
            remedy="Correct it, or choose another column with --split_column.",
        )
    return "test" if said in _TEST else "train"


def _plain(name: str) -> str:
    return _BETWEEN.sub("", as_file(name))


def _missing(what: str, wanted: str, table: AnyTable, file: Path) -> DatasetError:
    return DatasetError(
        f"This table has no column {wanted}."
        if wanted
        else f"Cannot determine the column of the {what}.",
        file=file,
        expected=wanted or f"one called {', '.join(_NAMES[what][:4])} or alike",
        got=", ".join(table.columns),
        remedy=f"Specify one of these with --{what}_column.",
    )
