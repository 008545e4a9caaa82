"""Readable image formats, and the files of which an image consists.

A format is read where damage to its voxels can be detected, and where its header says how they lie
in the patient. An ending in capitals is the same ending.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_text
from ricenet_v2.core.plugins import installed
from ricenet_v2.core.regular import fault_of_file
from ricenet_v2.store.contents import content_hash
from ricenet_v2.store.text_headers import meta_header, nrrd_header

Format = Literal["nifti", "nifti pair", "meta", "nrrd"]
HEADERS, VOXELS = (".hdr", ".hdr.gz"), (".img", ".img.gz")
ENDINGS: dict[Format, tuple[str, ...]] = {
    "nifti": (".nii", ".nii.gz"),
    "nifti pair": (*HEADERS, *VOXELS),
    "meta": (".mha", ".mhd"),
    "nrrd": (".nrrd", ".nhdr"),
}
DETACHED = (".mhd", ".nhdr", *HEADERS, *VOXELS)
"""Endings of images in two files."""


def format_of(path: Path) -> Format:
    """The format that the ending of an image says.

    Raises:
        DatasetError: Images are not read in this format.
    """
    name = path.name.lower()
    for kind, endings in ENDINGS.items():
        if name.endswith(endings):
            return kind
    readable = [ending for each in ENDINGS.values() for ending in each]
    raise DatasetError(
        "Images are not read in this format.",
        file=path,
        expected=", ".join([*readable, *(f".{plugin.name}" for plugin in installed("readers"))]),
        got=path.suffix or "no ending",
        remedy="Convert the image to .nii.gz, with its position in the patient, or install the "
        "package that reads it.",
    )


def image_files(path: Path) -> tuple[Path, ...]:
    """The header and the file of the voxels of an image, as far as they exist; mostly one file.

    Args:
        path: Path by which the image is opened; comes first.
    """
    try:
        files = () if fault_of_file(path) else _files(path)
    except (DatasetError, OSError, ValueError):  # reading the image says what is wrong
        files = ()
    return (path, *(file for file in files if file != path))


def _files(path: Path) -> tuple[Path, ...]:
    kind = format_of(path)
    if kind == "nifti pair":
        return pair(path)
    if kind == "meta":
        return (data_file(path, meta_header(path).fields["ElementDataFile"]),)
    return (nrrd_data_file(path, nrrd_header(path).fields),) if kind == "nrrd" else ()


def sha256_of_image(path: Path) -> str:
    """Hexadecimal SHA-256 of the bytes of an image; of a single file the same as of the file.

    Raises:
        OSError: A file cannot be read.
    """
    digests = [content_hash(file) for file in image_files(path)]
    return digests[0] if len(digests) == 1 else sha256_of_text("\n".join(digests))


def pair(path: Path) -> tuple[Path, Path]:
    """Header and voxels of a NIfTI image in two files.

    Raises:
        ValueError: One of the two is not there, or there are several.
    """
    name = path.name.lower()
    ending = max((e for e in ENDINGS["nifti pair"] if name.endswith(e)), key=len)
    stem = path.name[: -len(ending)]
    header, voxels = (_one_of(path, stem, endings) for endings in (HEADERS, VOXELS))
    return header, voxels


def _one_of(path: Path, stem: str, endings: tuple[str, ...]) -> Path:
    """The one file beside `path` whose name is the stem with one of the endings."""
    spelled = [[path.with_name(stem + e), path.with_name(stem + e.upper())] for e in endings]
    files = [file for pair in spelled if (file := next(filter(Path.is_file, pair), None))]
    if len(files) != 1:
        raise ValueError(
            f"it consists of two files, and {len(files)} are called {stem} with an ending "
            f"{' or '.join(endings)}, expected one"
        )
    return files[0]


def nrrd_data_file(path: Path, fields: dict[str, str]) -> Path:
    """The file of the voxels of a NRRD header, found as by `data_file`."""
    return data_file(path, fields.get("datafile", "LOCAL"))


def data_file(header: Path, named: str) -> Path:
    """The file of the voxels, which lies beside the header or below its folder.

    Args:
        header: File.
        named: Name in the header; `LOCAL` is the header's own file.

    Raises:
        ValueError: It lies elsewhere, is no file, or there are several.
    """
    if named.upper() == "LOCAL":
        return header
    if not named or named.upper().startswith("LIST") or "%" in named:
        raise ValueError(f"it names several files of voxels ({named!r}), expected one: convert it")
    relative = os.path.normpath(named)
    if Path(relative).is_absolute() or relative.startswith("..") or "\\" in named:
        raise ValueError(f"its file of voxels, {named!r}, does not lie beside it")
    if not (header.parent / relative).is_file():
        raise ValueError(f"its file of voxels, {named!r}, is missing")
    return header.parent / relative
