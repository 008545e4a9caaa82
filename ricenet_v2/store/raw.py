"""Raw dataset folders: dataset.json, cases.csv, images and masks."""

from __future__ import annotations

import logging
import re
import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, DocumentError
from ricenet_v2.core.names import fault_of, folder_part
from ricenet_v2.core.regular import is_missing, not_readable, read_bytes
from ricenet_v2.core.spelling import composed, one_name
from ricenet_v2.records.dataset import Case, Dataset, Split
from ricenet_v2.records.presence import PRESENT, missing_by
from ricenet_v2.records.region import RegionPlan, mask_name
from ricenet_v2.store import tables
from ricenet_v2.store.case_table import IMAGE_ID, read_cases
from ricenet_v2.store.nnunet_channels import channels_of, classes_of
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON
from ricenet_v2.store.workspace import nested_dataset

logger = logging.getLogger(__name__)

_NUMBERED = re.compile(".+_[0-9]{4}", re.DOTALL)


@dataclass(frozen=True)
class RawDataset:
    """A raw dataset folder as its two tables describe it; images are not opened.

    Attributes:
        folder: Folder of the dataset.
        dataset: The content of dataset.json.
        cases: The rows of cases.csv.
        has_nnunet_labels: The classes are the names of nnU-Net's `labels`, for want of `classes`.
    """

    folder: Path
    dataset: Dataset
    cases: tuple[Case, ...]
    has_nnunet_labels: bool = False

    def images(self, case: Case) -> tuple[Path, ...]:
        """Paths of a case's channels, whether or not they exist."""
        folder = images_folder(self.folder, case.split)
        ending = self.dataset.file_ending
        masks = masks_folder(self.folder, case.split)
        return tuple(
            stored(
                mask_path(masks, case.case_id, channel.mask, ending)
                if channel.mask
                else image_path(folder, case.image, index, ending)
            )
            for index, channel in enumerate(self.dataset.channels)
        )

    def absent(self, case: Case) -> tuple[int, ...]:
        """Indices of the channels that a case lacks: as cases.csv says, else without a file."""
        names = [channel.name for channel in self.dataset.channels]
        stated = missing_by(case.channels, names)
        if stated is not None:
            return tuple(map(names.index, stated))
        return tuple(n for n, path in enumerate(self.images(case)) if is_missing(path))

    def mask(self, case: Case, name: str) -> Path | None:
        """Path of a mask such as `brain` or `lesion` when the dataset has one, readable or not.

        Cases that share an image share its brain mask.
        """
        folder, ending = masks_folder(self.folder, case.split), self.dataset.file_ending
        names = dict.fromkeys((case.case_id, case.image if name == "brain" else case.case_id))
        paths = (stored(mask_path(folder, each, name, ending)) for each in names)
        return next((path for path in paths if not is_missing(path)), None)

    def region_mask(self, case: Case, region: RegionPlan | None) -> Path | None:
        """Path of the mask that decides the region of a case, when the dataset has it."""
        name = mask_name(region)
        return self.mask(case, name) if name else None

    def split(self, split: Split) -> tuple[Case, ...]:
        """The cases of one split, sorted by case id."""
        chosen = [case for case in self.cases if case.split == split]
        return tuple(sorted(chosen, key=lambda case: case.case_id))


def images_folder(folder: Path, split: Split) -> Path:
    """Folder of the images of a split."""
    return folder / ("imagesTr" if split == "train" else "imagesTs")


def masks_folder(folder: Path, split: Split) -> Path:
    """Folder of the masks of a split."""
    return folder / ("masksTr" if split == "train" else "masksTs")


def image_path(folder: Path, case_id: str, channel: int, ending: str) -> Path:
    """File of one channel of one case."""
    return folder / folder_part(f"{case_id}_{channel:04d}{ending}", "case")


def mask_path(folder: Path, case_id: str, name: str, ending: str) -> Path:
    """File of one mask of one case."""
    return folder / folder_part(f"{case_id}_{name}{ending}", "case or mask")


def stored(path: Path) -> Path:
    """The path, or the one whose name is written in another Unicode normal form if only it exists.

    macOS and programs that unpack archives write an umlaut as one character or as two.
    """
    if path.name.isascii() or path.exists():
        return path
    others = (path.with_name(unicodedata.normalize(form, path.name)) for form in ("NFC", "NFD"))
    return next((other for other in others if other.exists()), path)


def masks_beside(images: Path) -> Path | None:
    """The masks folder that belongs to a folder imagesTr or imagesTs, if there is one."""
    if not images.name.startswith("images"):
        return None
    masks = images.with_name(images.name.replace("images", "masks", 1))
    return masks if masks.is_dir() else None


def holds_cases(folder: Path, ending: str) -> bool:
    """Whether files of a folder are called CASE_0000, CASE_0001 ... with this ending."""
    return folder.is_dir() and bool(_numbered(_visible(folder), ending))


def _visible(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))


def _numbered(names: Iterable[str], ending: str) -> list[str]:
    stems = (name.removesuffix(ending) for name in names if name.endswith(ending))
    return [stem for stem in stems if _NUMBERED.fullmatch(stem)]


def find_cases(folder: Path, n_channels: int, ending: str) -> dict[str, tuple[Path, ...]]:
    """Cases in a folder of images, by the names CASE_0000, CASE_0001 ...

    Every case is listed with the paths of all channels, even those that do not exist, so that a
    caller can report each case by itself. Hidden files are none: macOS puts a `._CASE_0000.nii.gz`
    beside each file on a foreign disk.

    Raises:
        DatasetError: No folder, or no image of that ending in it.
    """
    if not folder.is_dir():
        raise DatasetError("There is no such folder of images.", file=folder)
    names = _visible(folder)
    numbered = _numbered(names, ending)
    ids = {stem[:-5] for stem in numbered}
    beyond = [stem for stem in numbered if int(stem[-4:]) >= n_channels]
    if not ids:
        raise DatasetError(
            "There are no images of cases in this folder.",
            file=folder,
            expected=f"files such as CASE_0000{ending}, one per channel",
            got=", ".join(names[:5]) or "an empty folder",
        )
    if beyond:
        logger.warning(
            "%d image(s) are not read, e.g. %s%s: the dataset has %d channel(s), 0000 to %04d. Is "
            "this the right model?",
            len(beyond),
            beyond[0],
            ending,
            n_channels,
            n_channels - 1,
        )
    return {
        # Not by `image_path`: a name that cannot be used is the fault of one case.
        case: tuple(folder / f"{case}_{index:04d}{ending}" for index in range(n_channels))
        for case in sorted(ids)
    }


def faults_of_names(cases: Iterable[str]) -> dict[str, str]:
    """Cases of a folder whose names cannot be used, and why; the others go on without them."""
    names = tuple(cases)
    broken = {case: fault for case in names if (fault := fault_of(case))}
    faults = {
        case: f"This name cannot be part of a path: {fault}. Rename its images."
        for case, fault in broken.items()
    }
    spellings = one_name(case for case in names if case not in broken)
    return faults | {
        case: f"This name, {case!a}, is the same as {' and '.join(map(ascii, others))} but for the "
        "Unicode normal form, and both would be one file. Rename the images of one of them."
        for case, others in spellings.items()
    }


def read_dataset(path: Path) -> Dataset:
    """Read dataset.json: ours, or nnU-Net's `channel_names` where each name has a known kind.

    Raises:
        DatasetError: Missing or not understood; the text lists the kinds.
    """
    return _dataset_of(_fields_of(path), path)


def _fields_of(path: Path) -> dict[str, Any]:
    try:
        return documents.parsed_object(read_bytes(path), path)
    except FileNotFoundError as error:
        below = nested_dataset(path.parent)
        raise DatasetError(
            "There is no dataset.json.",
            file=path,
            got=f"one in the folder {below.name} below" if below else None,
            remedy=f"Move what is in {below.name} one folder up."
            if below
            else "See documentation/dataset_format.md",
        ) from error
    except OSError as error:
        raise not_readable(DatasetError, DATASET_JSON, path, error) from error
    except DocumentError as error:
        raise DatasetError(
            f"dataset.json cannot be read: {error.what}",
            file=path,
            expected="a JSON object, see documentation/dataset_format.md",
            got=error.got,
            remedy=error.remedy,
        ) from error


def _dataset_of(fields: dict[str, Any], path: Path) -> Dataset:
    if "document" in fields:
        return documents.read(Dataset, path)
    try:
        return documents.from_fields(Dataset, _from_nnunet(fields, path), path)
    except DocumentError as error:
        raise DatasetError(
            "dataset.json is invalid.", file=path, got=error.got, remedy=error.remedy
        ) from error


def _from_nnunet(fields: dict[str, Any], path: Path) -> dict[str, Any]:
    """Fields of ours from those of nnU-Net: channel_names, and classes from labels."""
    known = {key: value for key, value in fields.items() if not key.startswith("_")}
    known.setdefault("name", path.parent.name)
    if "channel_names" in known and "channels" not in known:
        known["channels"] = channels_of(known.pop("channel_names"), path)
    if _has_labels_only(known):
        known["classes"] = classes_of(known["labels"], path)
    for ignored in ("numTraining", "labels", "regions_class_order"):
        known.pop(ignored, None)
    return known


def _has_labels_only(fields: dict[str, Any]) -> bool:
    return isinstance(fields.get("labels"), dict) and "classes" not in fields


def load_raw_dataset(folder: Path) -> RawDataset:
    """Read both tables. Unknown labels and doubled ids are left to the integrity check.

    Raises:
        DatasetError: A table is missing or cannot be parsed.
    """
    path = folder / DATASET_JSON
    fields = _fields_of(path)
    dataset = _dataset_of(fields, path)
    cases = _with_labels_of(dataset.classes, read_cases(folder / CASES_CSV))
    return RawDataset(folder, dataset, cases, _has_labels_only(fields))


def _with_labels_of(classes: Sequence[str], cases: Sequence[Case]) -> tuple[Case, ...]:
    """Labels in the Unicode normal form of their classes, which nobody can see."""
    names = {composed(name): name for name in classes}
    return tuple(
        replace(case, label=names.get(composed(case.label), case.label))
        if case.label not in classes
        else case
        for case in cases
    )


def write_raw_tables(folder: Path, dataset: Dataset, cases: Sequence[Case]) -> None:
    """Write dataset.json and cases.csv."""
    documents.write(folder / DATASET_JSON, dataset)
    write_cases(folder, cases)


def write_cases(folder: Path, cases: Sequence[Case]) -> None:
    """Write cases.csv."""
    names = sorted({name for case in cases for name in case.covariates})
    has_image_ids = any(case.image_id for case in cases)
    has_channels = any(case.channels for case in cases)
    rows = [
        {
            "case_id": case.case_id,
            "patient_id": case.patient_id,
            "label": case.label,
            "split": case.split,
            **({IMAGE_ID: case.image} if has_image_ids else {}),
            **({PRESENT: case.channels} if has_channels else {}),
            **{name: case.covariates.get(name, "") for name in names},
        }
        for case in cases
    ]
    tables.write_rows(folder / CASES_CSV, rows)
