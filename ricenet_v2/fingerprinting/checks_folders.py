"""Folders of images: files that belong to no case, and folders under another name."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.names import fault_of
from ricenet_v2.core.spelling import ANOTHER_FORM, Spellings
from ricenet_v2.fingerprinting.checks_rows import TABLE
from ricenet_v2.fingerprinting.findings import Place, error, warning
from ricenet_v2.records.dataset import Split
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.paths import DATASET_JSON
from ricenet_v2.store.raw import RawDataset, images_folder

_OF_SYSTEMS = {"thumbs.db", "desktop.ini", "icon\r", "@eadir", "__macosx"}
"""What Windows, macOS and storage servers put into folders, in small letters."""
_ENDINGS = (".nii.gz", ".nii", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr", ".img", ".gipl", ".vtk")


def check_folders(raw: RawDataset) -> list[Finding]:
    """Files and folders that belong to nothing; opens no image."""
    return _of_split(raw, "train") + _of_split(raw, "test")


def relative(raw: RawDataset, path: Path) -> str:
    """A path as it is shown in findings: relative to the dataset, with forward slashes."""
    return path.relative_to(raw.folder).as_posix()


@dataclass(frozen=True)
class _Wanted:
    """Names of the images of one split.

    Attributes:
        names: All of them.
        missing: Those that are not there.
        spellings: Of `missing`.
        told: The names in words.
    """

    names: Collection[str]
    missing: Collection[str]
    spellings: Spellings
    told: str


def _of_split(raw: RawDataset, split: Split) -> list[Finding]:
    folder = images_folder(raw.folder, split)
    if not folder.is_dir():
        return _missing_folder(raw, folder) if raw.split(split) else []
    cases = [case for case in raw.split(split) if not fault_of(case.case_id)]
    names = {path.name for case in cases for path in raw.images(case)}
    there = {path.name: path for path in sorted(folder.iterdir()) if not _is_of_a_system(path.name)}
    missing = names.difference(there)
    ending = raw.dataset.file_ending
    told = (
        f"CASE_0000{ending} to CASE_{len(raw.dataset.channels) - 1:04d}{ending} of cases with "
        f"split {split} in {TABLE}"
    )
    wanted = _Wanted(names, missing, Spellings(missing), told)
    return [
        _unexpected(relative(raw, path), name, ending, wanted)
        for name, path in there.items()
        if name not in names
    ]


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


def _unexpected(file: str, name: str, ending: str, wanted: _Wanted) -> Finding:
    found = "belongs to no case and channel"
    remedy = "It is ignored. Add the case to cases.csv, or rename or remove it."
    if near := wanted.spellings.near(name):
        found += f"; {near[0]}, which is missing, {near[1]}"
        remedy = "Rename the file, or correct the case_id in cases.csv."
        if near[1] == ANOTHER_FORM:
            remedy += " `convmv -r -f utf8 -t utf8 --nfc --notest FOLDER` renames a folder's files."
    elif other := _in_another_format(name, ending, wanted.names):
        is_missing = other in wanted.missing
        found += f"; {other} {'is missing' if is_missing else 'is there too'}"
        remedy = (
            f"Correct file_ending in {DATASET_JSON}, which is {ending}, or convert the images."
            if is_missing
            else f"It is ignored. Remove it if {other} is the right one, else replace that."
        )
    return warning(
        "unexpected file", Place(file=file), found=found, expected=wanted.told, remedy=remedy
    )


def _in_another_format(name: str, ending: str, names: Collection[str]) -> str:
    """The name that the file would have with the right ending, if that is a channel's."""
    starts = (name[: -len(other)] for other in _ENDINGS if name.lower().endswith(other))
    return next((start + ending for start in starts if start + ending in names), "")
