"""manifest.csv: written for a person to correct in a spreadsheet, and read back from it."""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeVar

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.names import fault_of
from ricenet_v2.records.dataset import CHANNEL_KINDS, ChannelKind, Split
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.manifest import (
    ABSENT,
    DOSE,
    DoseUnit,
    ImageColumn,
    Manifest,
    ManifestRow,
    same_patient,
)
from ricenet_v2.store.tables import CsvTable, read_table, write_rows

NAME = "manifest.csv"
POST_OP = ImageColumn("mri", "T1c_post_op")
EVENT = ImageColumn("mri", "T1c_event")
_COVARIATE = "covariate:"
_BEFORE = ("patient", "case", "label", "split")
_AFTER = (
    "dose", "factor", "fractions", "prescription_gy", "brain", "structures", "lesion_roi",
    "dose_unit", "dose_over", "one_person", "event_date", "reason",
)  # fmt: skip
_NEEDED = (*_BEFORE, *_AFTER[:-5])
_IMAGE_KINDS: tuple[ChannelKind, ...] = tuple(k for k in CHANNEL_KINDS if not KINDS[k].is_dose)
_DATE = re.compile(r"[0-9]{8}")
_ISO = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_BETWEEN = re.compile(r"[\s,+/]+")
_Value = TypeVar("_Value")


def write_manifest(path: Path, manifest: Manifest) -> None:
    """Write the table, which names patients: it is readable by its owner alone.

    Raises:
        OSError: It cannot be written.
    """
    names = sorted({name for row in manifest.rows for name in row.covariates})
    covariates = [f"{_COVARIATE}{name}" for name in names]
    columns = [*_BEFORE, *(c.title for c in manifest.columns), *_AFTER[:-1], *covariates, "reason"]
    write_rows(path, [_cells(row) for row in manifest.rows], columns, is_private=True)


def _cells(row: ManifestRow) -> dict[str, object]:
    return {
        "patient": row.patient,
        "case": row.case,
        "label": row.label,
        "split": row.split,
        **row.images,
        "dose": " ".join(row.dose),
        **dict.fromkeys(row.absent, ABSENT),
        "factor": " ".join(row.factor),
        "fractions": " ".join(map(str, row.fractions)),
        "prescription_gy": " ".join(f"{gy:g}" for gy in row.prescription_gy),
        "brain": row.brain,
        "structures": row.structures,
        "lesion_roi": row.lesion_roi,
        "dose_unit": " ".join(row.dose_unit),
        "dose_over": row.dose_over,
        "one_person": "yes" if row.one_person else "",
        "event_date": row.event_date,
        **{f"{_COVARIATE}{name}": cell for name, cell in row.covariates.items()},
        "reason": row.reason,
    }


def read_manifest(path: Path) -> Manifest:
    """Read a table that a person may have corrected in a spreadsheet.

    Raises:
        DatasetError: Not a table, columns that are missing or not known, or cells that cannot be
            understood, all of which are named with their lines.
    """
    try:
        table = read_table(path, of_spreadsheet=True)
    except DatasetError as error:  # folders may be called after patients
        raise error.with_parts(file=path.name) from None
    columns = _image_columns(table)
    faults: list[str] = []
    each = (
        _row_or_fault(cells, columns, line, faults)
        for line, cells in zip(table.lines, table.rows, strict=True)
    )
    rows = [row for row in each if row is not None]
    faults += _repeated(rows)
    if faults:
        raise DatasetError(
            f"{len(faults)} line(s) of this manifest are invalid.",
            file=path.name,
            expected="cells as in documentation/clinical_data.md",
            got="; ".join(faults[:10]) + (" ..." if len(faults) > 10 else ""),
            remedy="Correct these cells.",
        )
    if not rows:
        raise DatasetError("This manifest has no cases.", file=path.name, expected="a row per case")
    return Manifest(columns, tuple(rows))


def _image_columns(table: CsvTable) -> tuple[ImageColumn, ...]:
    columns, unknown = [], []
    for title in table.columns:
        kind, colon, name = title.partition(":")
        if colon and kind in _IMAGE_KINDS and not fault_of(name):
            columns.append(ImageColumn(kind, name))
        elif title not in (*_BEFORE, *_AFTER) and not title.startswith(_COVARIATE):
            unknown.append(title)
    missing = [name for name in _NEEDED if name not in table.columns]
    if not columns:
        missing.append(POST_OP.title)
    if missing or unknown:
        got = [f"without {', '.join(missing)}"] if missing else []
        got += [f"{len(unknown)} unknown: {', '.join(map(repr, unknown[:5]))}"] if unknown else []
        raise DatasetError(
            "The columns of this manifest are wrong.",
            file=table.file.name,
            expected=f"{', '.join(_NEEDED)}; KIND:CHANNEL of images, KIND one of "
            f"{', '.join(_IMAGE_KINDS)}; {_COVARIATE}NAME of what goes into cases.csv as it is",
            got="; ".join(got),
            remedy="Put the names of the columns back, or scan into another folder.",
        )
    return tuple(columns)


def _row_or_fault(
    cells: dict[str, str], columns: Sequence[ImageColumn], line: int, faults: list[str]
) -> ManifestRow | None:
    try:
        return _row(cells, columns, line)
    except ValueError as error:
        faults.append(f"line {line}: {error}")
        return None


def _row(cells: dict[str, str], columns: Sequence[ImageColumn], line: int) -> ManifestRow:
    if not cells["patient"]:
        raise ValueError("patient is empty")
    split: dict[str, Split] = {"": "train", "train": "train", "test": "test"}
    if cells["split"].lower() not in split:
        raise ValueError("split is neither train nor test")
    titles = [column.title for column in columns]
    absent = tuple(name for name in (*titles, DOSE) if cells[name].casefold() == ABSENT)
    cells = {**cells, **dict.fromkeys(absent, "")}
    return ManifestRow(
        patient=cells["patient"],
        case=cells["case"] or "1",
        label=cells["label"],
        split=split[cells["split"].lower()],
        images={title: cells[title] for title in titles},
        absent=absent,
        dose=_listed(cells["dose"], str, "dose"),
        factor=_listed(cells["factor"].lower(), _factor, "factor"),
        fractions=_listed(cells["fractions"], _fractions, "fractions"),
        prescription_gy=_listed(_pointed(cells["prescription_gy"]), _gray, "prescription_gy"),
        brain=cells["brain"],
        structures=cells["structures"],
        lesion_roi=cells["lesion_roi"],
        dose_unit=_listed(cells.get("dose_unit", ""), _unit, "dose_unit"),
        dose_over=cells.get("dose_over", ""),
        one_person=_yes(cells.get("one_person", "")),
        event_date=_date(cells.get("event_date", "")),
        covariates={
            name.removeprefix(_COVARIATE): cell
            for name, cell in cells.items()
            if name.startswith(_COVARIATE)
        },
        reason=cells.get("reason", ""),
        line=line,
    )


def _listed(cell: str, read: Callable[[str], _Value], name: str) -> tuple[_Value, ...]:
    try:
        return tuple(read(part) for part in _BETWEEN.split(cell) if part)
    except ValueError:
        raise ValueError(f"{name} is {_EXPECTED[name]}") from None


_EXPECTED = {
    "dose": "not a list of keys",
    "factor": "neither 1 nor n, for each plan",
    "fractions": "not a whole number above 0, for each plan",
    "prescription_gy": "not a number of Gy above 0, for each plan",
    "dose_unit": "neither Gy, cGy, %, share nor Gy(RBE), for each plan",
}
_UNITS: dict[str, DoseUnit] = {
    "gy": "Gy",
    "cgy": "cGy",
    "%": "%",
    "percent": "%",
    "share": "share",
    "gy(rbe)": "Gy(RBE)",
    "gyrbe": "Gy(RBE)",
}


def _pointed(cell: str) -> str:
    """A decimal comma as a point: 59,4 is no list."""
    return re.sub(r"(?<=[0-9]),(?=[0-9])", ".", cell)


def _unit(part: str) -> DoseUnit:
    if part.lower() not in _UNITS:
        raise ValueError
    return _UNITS[part.lower()]


def _factor(part: str) -> str:
    if part not in {"1", "1.0", "n"}:
        raise ValueError
    return part[0]


def _fractions(part: str) -> int:
    value = _gray(part)
    if value != int(value):
        raise ValueError
    return int(value)


def _gray(part: str) -> float:
    value = float(part)
    if not (math.isfinite(value) and value > 0):
        raise ValueError
    return value


def _yes(cell: str) -> bool:
    if cell.casefold() not in {"", "yes", "no"}:
        raise ValueError("one_person is neither yes nor no")
    return cell.casefold() == "yes"


def _date(cell: str) -> str:
    date = _ISO.sub(r"\1\2\3", cell)
    if date and not _DATE.fullmatch(date):
        raise ValueError("event_date is neither YYYYMMDD nor YYYY-MM-DD")
    return date


def _repeated(rows: Sequence[ManifestRow]) -> list[str]:
    lines = defaultdict(list)
    for row in rows:
        lines[same_patient(row.patient), row.case].append(row.line)
    return [
        f"lines {', '.join(map(str, same))}: the same patient and case; write another case number"
        for same in lines.values()
        if len(same) > 1
    ]
