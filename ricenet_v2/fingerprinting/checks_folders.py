"""Folders of images: files that belong to no case, and folders under another name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.names import fault_of
from ricenet_v2.core.spelling import Spellings
from ricenet_v2.fingerprinting.checks_rows import TABLE
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.dataset import Case, Split
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.image_files import image_files
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import RawDataset, images_folder

_OF_SYSTEMS = {"thumbs.db", "desktop.ini", "icon\r", "@eadir", "__macosx"}
"""Files that Windows, macOS and storage servers put into folders, in lower case."""
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img", ".gipl", ".vtk")


def check_folders(raw: RawDataset) -> list[Finding]:
    """Files and folders that belong to nothing; opens no image."""
    return _of_split(raw, "train") + _of_split(raw, "test")


def relative(raw: RawDataset, path: Path) -> str:
    """A path as it is shown in findings: relative to the dataset, with forward slashes."""
    return path.relative_to(raw.folder).as_posix()


@dataclass(frozen=True)
class _ExpectedFiles:
    """Names of images, each with its case.

    Attributes:
        here: Files of the split whose folder is checked.
        elsewhere: Files of the other split.
        missing: Names of `here` that are not there.
        spellings: Other spellings of `missing`.
        ending: File ending of the dataset.
        listed: The names in words.
    """

    here: Mapping[str, Case]
    elsewhere: Mapping[str, Case]
    missing: Collection[str]
    spellings: Spellings
    ending: str
    listed: str


def _of_split(raw: RawDataset, split: Split) -> list[Finding]:
    folder = images_folder(raw.folder, split)
    if not folder.is_dir():
        return _missing_folder(raw, folder) if raw.split(split) else []
    here, elsewhere = _names(raw, split), _names(raw, "test" if split == "train" else "train")
    entries = [path for path in sorted(folder.iterdir()) if not _is_of_a_system(path.name)]
    missing = set(here).difference(path.name for path in entries)
    ending = raw.dataset.file_ending
    listed = (
        f"CASE_0000{ending} to CASE_{len(raw.dataset.channels) - 1:04d}{ending} of cases with "
        f"split {split} in {TABLE}"
    )
    expected = _ExpectedFiles(here, elsewhere, missing, Spellings(missing), ending, listed)
    return [
        _unexpected(relative(raw, path), path.name, expected)
        for path in entries
        if path.name not in here
    ]


def _names(raw: RawDataset, split: Split) -> dict[str, Case]:
    cases = [case for case in raw.split(split) if not fault_of(case.case_id)]
    images = [(path, case) for case in cases for path in raw.images(case)]
    return {file.name: case for path, case in images for file in image_files(path)}


def _is_of_a_system(name: str) -> bool:
    return name.startswith(".") or name.lower() in _OF_SYSTEMS


def _missing_folder(raw: RawDataset, folder: Path) -> list[Finding]:
    near = Spellings(path.name for path in raw.folder.iterdir() if path.is_dir()).near(folder.name)
    return [
        error(
            "folder of images",
            Place(file=folder.name),
            found=f"no such folder, but {near[0]}, which {near[1]}" if near else "no such folder",
            expected=f"the images of cases in a folder {folder.name}",
            remedy=f"Rename {near[0]} to {folder.name}." if near else "Put the images there.",
        )
    ]


def _unexpected(file: str, name: str, expected: _ExpectedFiles) -> Finding:
    case, fault = "", "belongs to no case and channel"
    remedy = "It is ignored. Add the case to cases.csv, or rename or remove it."
    if near := expected.spellings.near(name):
        case = expected.here[near[0]].case_id
        fault += f"; the missing file of the case {near[1]}"
        remedy = "Rename the file, or correct the case_id in cases.csv."
    elif name in expected.elsewhere:
        other = expected.elsewhere[name]
        case = other.case_id
        fault += f"; the case has split {other.split}"
        remedy = "It is ignored. Correct the split in cases.csv, or move the file."
    elif right := _in_another_format(name, expected):
        case = expected.here[right].case_id
        if right in expected.missing:
            fault += "; its ending is not that of the dataset"
            remedy = (
                f"Correct file_ending in {DATASET_JSON}, which is {expected.ending}, or convert "
                "the images."
            )
        else:
            fault += f"; the same channel is there with {expected.ending}"
            remedy = "It is ignored. Remove the one of the two files that is wrong."
    return warning(
        "unexpected file",
        Place(case, file),
        found=fault,
        expected=expected.listed,
        remedy=remedy,
    )


def _in_another_format(name: str, expected: _ExpectedFiles) -> str:
    """The name that the file would have with the right ending, if that is a channel's."""
    starts = (name[: -len(other)] for other in _ENDINGS if name.lower().endswith(other))
    rights = (start + expected.ending for start in starts)
    return next((right for right in rights if right in expected.here), "")
