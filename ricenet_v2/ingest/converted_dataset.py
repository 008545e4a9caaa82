"""Tables of a converted dataset: dataset.json, cases.csv, registration.csv."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.leftovers import is_leftover
from ricenet_v2.core.locks import LOCK_FILE
from ricenet_v2.ingest.brain_masks import GIVEN
from ricenet_v2.ingest.case_cohort import registration_rows
from ricenet_v2.ingest.case_writing import ENDING, PROVENANCE
from ricenet_v2.ingest.convert_options import ConvertOptions, settings_of
from ricenet_v2.ingest.manifest import EVENT, POST_OP
from ricenet_v2.ingest.settings import settings_of_dataset
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.ingest import IngestSettings
from ricenet_v2.records.manifest import DOSE, Manifest
from ricenet_v2.records.presence import presence_text
from ricenet_v2.records.provenance import CaseProvenance
from ricenet_v2.store.ingest_settings import read_settings
from ricenet_v2.store.paths import DATASET_JSON, INGEST_JSON
from ricenet_v2.store.raw import read_dataset, write_raw_tables
from ricenet_v2.store.tables import write_rows

REGISTRATION = "registration.csv"
_TIMEPOINTS = {POST_OP.channel: "post_op", EVENT.channel: "event"}
_COLUMNS = (
    "case_id", "name", "method", "degrees", "mutual_information", "correlation", "shifted",
    "mirrored", "covered", "nearby",
)  # fmt: skip


def dataset_of(manifest: Manifest, folder: Path) -> Dataset:
    """Content of dataset.json; what a person changed in an existing one is kept.

    Raises:
        DatasetError: The folder holds something else, or a dataset of other channels, or the
            manifest has fewer than two labels.
    """
    channels = [
        Channel(column.channel, column.kind, timepoint=_TIMEPOINTS.get(column.channel))
        for column in manifest.columns
    ]
    if any(row.dose for row in manifest.rows):
        channels.append(Channel(DOSE, "dose", unit="Gy"))
    labels = sorted({row.label for row in manifest.rows if row.label})
    before = _dataset_there(folder)
    if before is None:
        if len(labels) < 2:
            raise DatasetError(
                "This manifest has fewer than two classes.",
                file="manifest.csv",
                expected="two labels or more in the column label",
                got=", ".join(labels) or "none",
                remedy="Write the label of each case.",
            )
        return Dataset(folder.name, tuple(channels), tuple(labels), ENDING)
    if [(c.name, c.kind) for c in before.channels] != [(c.name, c.kind) for c in channels]:
        raise DatasetError(
            "This dataset has other channels than the manifest.",
            file=folder / DATASET_JSON,
            expected=", ".join(channel.name for channel in channels),
            got=", ".join(channel.name for channel in before.channels),
            remedy="Convert into another folder.",
        )
    new = [label for label in labels if label not in before.classes]
    return replace(before, classes=(*before.classes, *new))


def _dataset_there(folder: Path) -> Dataset | None:
    entries = {entry.name for entry in folder.iterdir()} if folder.is_dir() else set()
    entries = {name for name in entries if not is_leftover(name)}
    if not entries - {LOCK_FILE}:
        return None
    if (folder / DATASET_JSON).exists() and PROVENANCE in entries:
        return read_dataset(folder / DATASET_JSON)
    if PROVENANCE in entries:  # nothing came to its end the last time
        return None
    raise DatasetError(
        "The output folder contains other files.",
        file=folder,
        expected="a new or empty folder, or a dataset that was converted before",
        got=f"{len(entries)} entries without {PROVENANCE}/",
        remedy="Choose another folder.",
    )


def vanished(folder: Path, listed: Iterable[str]) -> list[CaseProvenance]:
    """Cases of a dataset that no row of the manifest stands for; they are never deleted.

    Raises:
        DocumentError: What one was made of cannot be read, so that its row would be lost.
    """
    known = set(listed)
    there = sorted((folder / PROVENANCE).glob("*.json"))
    return [documents.read(CaseProvenance, path) for path in there if path.stem not in known]


def converted_otherwise(
    cases: Iterable[CaseProvenance], options: ConvertOptions
) -> list[CaseProvenance]:
    """Cases of other rules or options, which do not belong into one dataset with the others."""
    return [
        case
        for case in cases
        if case.settings != settings_of(options, has_mask=case.brain == GIVEN)
    ]


def write_tables(
    folder: Path,
    dataset: Dataset,
    cases: Sequence[CaseProvenance],
    options: ConvertOptions,
    *,
    is_changed: bool = True,
) -> None:
    """Write dataset.json, cases.csv, registration.csv and ingest.json.

    Args:
        folder: Folder of the dataset.
        dataset: Dataset as described in dataset.json.
        cases: All that it lists, 1 or more.
        options: Options of their conversion.
        is_changed: Whether one of them was converted now.

    Raises:
        OSError: They cannot be written.
    """
    ordered = sorted(cases, key=lambda case: case.case_id)
    before = None if is_changed else _settings_there(folder)
    settings = settings_of_dataset(dataset, ordered, options, before)
    write_raw_tables(folder, dataset, _rows(dataset, ordered))
    write_rows(folder / REGISTRATION, registration_rows(ordered), _COLUMNS)
    documents.write(folder / INGEST_JSON, settings)


def _rows(dataset: Dataset, cases: Sequence[CaseProvenance]) -> list[Case]:
    """Rows of cases.csv, which say what is there where a case lacks a channel."""
    names = [channel.name for channel in dataset.channels]
    lacks = any(case.missing for case in cases)
    return [
        Case(
            case.case_id,
            case.patient_id,
            case.label,
            case.split,
            dict(case.covariates),
            channels=presence_text(names, case.missing) if lacks else "",
        )
        for case in cases
    ]


def _settings_there(folder: Path) -> IngestSettings | None:
    try:
        return read_settings(folder / INGEST_JSON)
    except DocumentError:  # it is rewritten
        return None
