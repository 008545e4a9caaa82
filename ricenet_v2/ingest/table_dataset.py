"""A raw dataset from a folder of images, in any layout, and a table of labels."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core import html
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.locks import LOCK_FILE
from ricenet_v2.core.names import fault_of
from ricenet_v2.core.progress import track
from ricenet_v2.core.spelling import as_file
from ricenet_v2.ingest.labelled_images import LabelledCase, LabelledImages, match_images
from ricenet_v2.ingest.table_channels import channels_of_files
from ricenet_v2.ingest.table_columns import (
    PARTITION,
    TableColumns,
    columns_of,
    label_table,
    split_of,
)
from ricenet_v2.records.cells import name_in
from ricenet_v2.records.dataset import Case, Channel, Dataset, Split
from ricenet_v2.records.presence import lacks_anatomy, presence_text
from ricenet_v2.store.any_table import AnyTable, read_any_table
from ricenet_v2.store.image_files import DETACHED
from ricenet_v2.store.raw import (
    image_path,
    images_folder,
    mask_path,
    masks_folder,
    write_raw_tables,
)

_MOST_NAMED = 5


@dataclass(frozen=True)
class TableRequest:
    """Information of the user on the folder and the table; empty for automatic detection.

    Attributes:
        labels: Table of labels; the only table in the folder where None.
        channels: Pairs `NAME=KIND`; of nnU-Net's numbered files in the order of the numbers.
        columns: Names of the columns of case, label, patient and split.
        positive_class: The positive class of two; the last one where empty.
        allow_missing: Cases that lack channels are taken, as long as one shows the patient; the
            table of the dataset says which each has.
    """

    labels: Path | None = None
    channels: tuple[str, ...] = ()
    columns: TableColumns = field(default_factory=TableColumns)
    positive_class: str = ""
    allow_missing: bool = False


@dataclass(frozen=True)
class TableConversion:
    """A raw dataset that was made from a folder of images and a table.

    Attributes:
        folder: Folder of the raw dataset.
        dataset: Its dataset.json.
        cases: Its cases.csv.
        notes: Interpretation of the table and the files, in sentences.
        left_out: Cases of the table that are not in the dataset, and why.
        unmatched: Image files without a case in the table.
    """

    folder: Path
    dataset: Dataset
    cases: tuple[Case, ...]
    notes: tuple[str, ...]
    left_out: Mapping[str, str]
    unmatched: tuple[str, ...]

    def _repr_html_(self) -> str:
        """Cases of each class, and how all was understood, for notebooks."""
        counts = Counter((case.label or "no label", case.split) for case in self.cases)
        classes = [*self.dataset.classes, "no label"]
        rows = [(name, counts[name, "train"], counts[name, "test"]) for name in classes]
        left_out = [f"{case} is left out: {reason}" for case, reason in self.left_out.items()]
        unmatched = f"Files of no case: {', '.join(self.unmatched)}" if self.unmatched else ""
        columns = ("class", "train", "test")
        return html.table(self.dataset.name, columns, rows, *self.notes, *left_out, unmatched)


def convert_table_folder(source: Path, output: Path, request: TableRequest) -> TableConversion:
    """Write dataset.json, cases.csv and the images of each case; files are linked where possible.

    Args:
        source: nnU-Net's dataset, or any folder of images whose names, or whose folders' names,
            begin with the ids of cases.
        output: Raw dataset folder to make; new or empty.
        request: Settings that override automatic detection.

    Raises:
        DatasetError: There is no table, column or kind of a channel; no image fits; or the output
            folder is not empty.
    """
    check_empty(output)
    file = request.labels or label_table(source)
    header = read_any_table(file)
    columns = columns_of(header, request.columns, file)
    table = read_any_table(file, [name for name in vars(columns).values() if name])
    ids = [row[columns.case] for row in table.rows]
    _check_ids(ids, columns.case, file)
    files = match_images(source, ids)
    _check_files(files, source, ids, file)
    channels = channels_of_files(source, files.cases, request.channels)
    labels, spelled = _one_spelling([row[columns.label] for row in table.rows])
    cases, left_out = [], {}
    is_divided = any(map(columns.is_validation, table.rows))
    for row, label in zip(table.rows, labels, strict=True):
        case_id = row[columns.case]
        images = files.cases.get(case_id)
        split: Split = split_of(row, columns, is_test=images is not None and images.is_test)
        lacking = _lacking(images, channels)
        fault = _fault_of(images, channels, label, split, allow_missing=request.allow_missing)
        if fault:
            left_out[case_id] = fault
        else:
            patient = row[columns.patient] if columns.patient else ""
            covariates = _covariates(row, columns, split, is_divided=is_divided)
            there = presence_text([each.name for each in channels.values()], lacking)
            cases.append(
                Case(
                    case_id,
                    patient or case_id,
                    label,
                    split,
                    covariates,
                    channels=there if request.allow_missing else "",
                )
            )
    if not cases:
        first = next(iter(left_out.items()), ("", ""))
        raise DatasetError(
            "No case of this table can be used.",
            file=file,
            got=f"{len(left_out)} left out, e.g. {first[0]}: {first[1]}",
            remedy="Correct the table or the names of files, or name columns and channels.",
        )
    (ending,) = files.endings
    classes = _classes([case.label for case in cases if case.label])
    dataset = Dataset(
        name=output.name,
        channels=tuple(channels.values()),
        classes=classes,
        positive_class=_positive(request.positive_class, classes),
        file_ending=ending,
        description=f"Made of a folder of images and {file.name}",
    )
    for case in track(cases, "linking images"):
        _place(files.cases[case.case_id], list(channels), case, output, ending)
    write_raw_tables(output, dataset, cases)
    notes = (*table.notes, *_column_notes(columns, table), *spelled)
    return TableConversion(output, dataset, tuple(cases), notes, left_out, files.unmatched)


def check_empty(folder: Path) -> None:
    """Refuse a folder that holds something.

    Raises:
        DatasetError: It does.
    """
    there = folder.iterdir() if folder.exists() else ()
    if any(entry.name != LOCK_FILE for entry in there):
        raise DatasetError(
            "The output folder is not empty.",
            file=folder,
            expected="a new or empty folder",
            remedy="Choose another folder, or delete this one.",
        )


def _check_ids(ids: Sequence[str], column: str, file: Path) -> None:
    counts = Counter(map(as_file, ids))
    faults = [f"{name}: {n} times" for name, n in counts.items() if n > 1]
    faults += [f"{name!r}: {fault}" for name in ids if (fault := fault_of(name))]
    if faults:
        raise DatasetError(
            f"The column {column} does not contain each case exactly once.",
            file=file,
            expected="one row for each case, with an id that can be part of a file name",
            got="; ".join(faults[:_MOST_NAMED]) + ("; ..." if len(faults) > _MOST_NAMED else ""),
            remedy="Correct the column, or choose another one with --case_column.",
        )


def _check_files(files: LabelledImages, source: Path, ids: Sequence[str], table: Path) -> None:
    if not files.cases:
        raise DatasetError(
            "No image matches a case of the table.",
            file=source,
            expected="images, or folders of images, whose names begin with the ids of "
            f"{table.name}, e.g. {', '.join(ids[:3])}",
            got=", ".join(files.unmatched[:_MOST_NAMED]) or "no images",
            remedy="Specify the column that holds the ids with --case_column.",
        )
    detached = [ending for ending in files.endings if ending in DETACHED]
    if files.doubled or detached or len(files.endings) > 1:
        got = "; ".join(files.doubled[:_MOST_NAMED]) or ", ".join(files.endings)
        raise DatasetError(
            "The images of this folder cannot be used as they are.",
            file=source,
            expected="one file for each channel of a case, all with one ending, each image in one "
            "file (.nii.gz, .nii, .nrrd, .mha)",
            got=got,
            remedy="Rename or remove files, or write all images in one format (by SimpleITK).",
        )


def _lacking(images: LabelledCase | None, channels: Mapping[str, Channel]) -> tuple[str, ...]:
    """Names of the channels that a case lacks."""
    there = () if images is None else images.channels
    return tuple(channel.name for file, channel in channels.items() if file not in there)


def _fault_of(
    images: LabelledCase | None,
    channels: Mapping[str, Channel],
    label: str,
    split: Split,
    *,
    allow_missing: bool,
) -> str:
    """Why a case is left out; empty where it is not."""
    if images is None:
        return "no images"
    missing = _lacking(images, channels)
    if allow_missing and lacks_anatomy(tuple(channels.values()), missing):
        return f"no image that shows the patient: none of {', '.join(missing)}"
    if missing and not allow_missing:
        return f"no image of {', '.join(missing)} (--allow_missing_channels takes such cases)"
    return "no label, which a training case needs" if not label and split == "train" else ""


def _one_spelling(labels: Sequence[str]) -> tuple[list[str], list[str]]:
    """Labels in one spelling each, the most frequent, and in words which were joined."""
    known = [name_in(label) for label in labels]
    counts = Counter(label for label in known if label)
    spellings: dict[str, list[str]] = {}
    for label, _ in counts.most_common():
        spellings.setdefault(as_file(label), []).append(label)
    joined = [
        f"the labels {', '.join(names)} are one class, {names[0]}"
        for names in spellings.values()
        if len(names) > 1
    ]
    return [spellings[as_file(label)][0] if label else "" for label in known], joined


def _classes(labels: Sequence[str]) -> tuple[str, ...]:
    """Classes in their order; numbers by size."""
    names = sorted(set(labels), key=lambda name: (len(name), name) if name.isdigit() else (0, name))
    if len(names) < 2:
        raise DatasetError(
            "The cases have fewer than two classes.",
            expected="at least two different labels",
            got=", ".join(names) or "no labels",
            remedy="Specify the column of labels with --label_column.",
        )
    return tuple(names)


def _positive(name: str, classes: Sequence[str]) -> str | None:
    if name and name not in classes:
        raise DatasetError(
            "There is no such class.",
            expected=", ".join(classes),
            got=name,
            remedy="Specify one of these with --positive_class.",
        )
    return name or (classes[-1] if len(classes) == 2 else None)


def _covariates(
    row: Mapping[str, str], columns: TableColumns, split: Split, *, is_divided: bool
) -> dict[str, str]:
    used = {name for name in vars(columns).values() if name}
    cells = {name: cell for name, cell in row.items() if name not in used}
    return cells | ({PARTITION: columns.partition_of(row, split)} if is_divided else {})


def _column_notes(columns: TableColumns, table: AnyTable) -> list[str]:
    named = [f"{what} {name}" for what, name in vars(columns).items() if name]
    notes = [f"columns: {', '.join(named)}"]
    if any(map(columns.is_validation, table.rows)):
        notes.append(
            "cases to validate on are training cases; --holdout partition holds them out as a "
            "single validation set"
        )
    return notes


def _place(
    images: LabelledCase, channels: Sequence[str], case: Case, output: Path, ending: str
) -> None:
    for index, name in enumerate(channels):
        if name not in images.channels:
            continue
        target = image_path(images_folder(output, case.split), case.case_id, index, ending)
        _linked(images.channels[name], target)
    for name, file in images.masks.items():
        _linked(file, mask_path(masks_folder(output, case.split), case.case_id, name, ending))


def _linked(source: Path, target: Path) -> None:
    """Another name of the file where the disk has such, else a copy."""
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except OSError:
        with replacing(target) as temporary:
            shutil.copyfile(source, temporary)
