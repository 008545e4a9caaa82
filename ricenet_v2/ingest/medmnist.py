"""MedMNIST3D files as raw datasets."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.failures import reason_of
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.locks import LOCK_FILE
from ricenet_v2.core.progress import track
from ricenet_v2.core.regular import opened
from ricenet_v2.records.dataset import Case, Channel, ChannelKind, Dataset, Split
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import image_path, images_folder, write_raw_tables

# Official validation cases join the training split, which is split into five folds.
_PARTS: tuple[tuple[str, Split], ...] = (("train", "train"), ("val", "train"), ("test", "test"))
_DTYPES = [np.dtype(code) for code in "?bhilqBHILQfd"]
_KEYS = [f"{part}_{what}" for part, _ in _PARTS for what in ("images", "labels")]


def convert_medmnist3d(npz: Path, folder: Path, kind: ChannelKind | None = None) -> Path:
    """Write a raw dataset; the official test split stays the test split.

    The spacing is not known and set to 1 mm; each volume counts as a patient of its own.

    Args:
        npz: E.g. adrenalmnist3d.npz: images (n, z, y, x) and labels (n, 1) of three splits.
        folder: The dataset folder to make, e.g. raw/Dataset010_AdrenalMNIST3D.
        kind: Kind of the channel; None takes `mask` for volumes of two values, else `other`.

    Returns:
        The folder.

    Raises:
        DatasetError: Not such a file, or the folder is not empty.
    """
    there = folder.iterdir() if folder.exists() else ()
    if any(entry.name != LOCK_FILE for entry in there):
        raise DatasetError(
            "The output folder is not empty.",
            file=folder,
            expected="a new or empty folder",
            remedy="Choose another folder, or delete this one.",
        )
    arrays = _arrays(npz)
    labels = np.concatenate([arrays[f"{part}_labels"].ravel() for part, _ in _PARTS])
    lowest, binary = _values(arrays)
    kind = kind or ("mask" if binary else "other")
    cases = []
    items = [
        (part, split, index)
        for part, split in _PARTS
        for index in range(len(arrays[f"{part}_images"]))
    ]
    ending = ".nii.gz"
    for part, split, index in track(items, "converting"):
        image = arrays[f"{part}_images"][index]
        if KINDS[kind].is_mask:
            image = (image > lowest).astype(np.uint8)
        case_id = f"{part}{index:05d}"
        grid = Grid(image.shape, (1.0, 1.0, 1.0))
        write_image(image_path(images_folder(folder, split), case_id, 0, ending), image, grid)
        label = f"class_{int(arrays[f'{part}_labels'].ravel()[index])}"
        cases.append(Case(case_id, case_id, label, split))
    classes = tuple(f"class_{int(value)}" for value in np.unique(labels))
    dataset = Dataset(
        name=folder.name,
        channels=(Channel("volume", kind),),
        classes=classes,
        positive_class=classes[-1],
        licence="CC BY 4.0",
        reference="Yang et al., MedMNIST v2, Scientific Data 10:41 (2023)",
        description=f"Converted from {npz.name}",
        file_ending=ending,
        allow_any_size=True,  # MedMNIST keeps no size of a voxel; 1 mm stands for it
    )
    write_raw_tables(folder, dataset, cases)
    return folder


def _values(arrays: dict[str, NDArray[Any]]) -> tuple[float, bool]:
    """The lowest voxel value, and whether there are no more than two values."""
    parts = [np.unique(arrays[f"{part}_images"]) for part, _ in _PARTS]
    values = np.unique(np.concatenate(parts))
    return float(values[0]), len(values) <= 2


def _arrays(npz: Path) -> dict[str, NDArray[Any]]:
    try:
        arrays = _stored(npz)
    except Exception as error:
        raise DatasetError(
            "This is not a readable .npz file.", file=npz, got=reason_of(error)
        ) from error
    missing = [key for key in _KEYS if key not in arrays]
    if missing:
        raise _not_medmnist(npz, f"without {', '.join(missing)}")
    for part, _ in _PARTS:
        images, labels = arrays[f"{part}_images"], arrays[f"{part}_labels"]
        if images.ndim != 4 or labels.shape not in ((len(images),), (len(images), 1)):
            shapes = f"{part}_images of shape {images.shape}, {part}_labels {labels.shape}"
            raise _not_medmnist(npz, shapes)
        if images.dtype not in _DTYPES:
            raise _not_medmnist(npz, f"{part}_images of type {images.dtype}")
        if labels.dtype.kind not in "biuf" or not np.array_equal(labels, np.round(labels)):
            raise _not_medmnist(npz, f"{part}_labels that are not whole numbers")
    if len(np.unique(np.concatenate([arrays[f"{part}_labels"].ravel() for part, _ in _PARTS]))) < 2:
        raise _not_medmnist(npz, "labels of one class, or none")
    return arrays


def _stored(npz: Path) -> dict[str, NDArray[Any]]:
    """Arrays of `_KEYS` in a file; a single array counts as a file with none."""
    # Opened here since numpy leaves a damaged archive open.
    with opened(npz) as stream:
        stored = np.load(stream, allow_pickle=False)
        is_archive = isinstance(stored, np.lib.npyio.NpzFile)
        return {key: stored[key] for key in _KEYS if is_archive and key in stored}


def _not_medmnist(npz: Path, got: str) -> DatasetError:
    return DatasetError(
        "This is not a MedMNIST3D file.",
        file=npz,
        expected=f"{', '.join(_KEYS)}; images (n, z, y, x), labels (n, 1) of whole numbers",
        got=got,
    )
