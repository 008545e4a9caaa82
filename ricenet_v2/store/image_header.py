"""Opening the header of an image: nothing in it is open to doubt when ITK has read it.

What the library says by itself, into the midst of a table and without the name of a file, is
prevented by judging headers before it sees them.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.regular import fault_of_file, is_missing, not_readable
from ricenet_v2.core.text import is_text
from ricenet_v2.store import image_files
from ricenet_v2.store.axes import check_right_angles
from ricenet_v2.store.image_files import Format, format_of
from ricenet_v2.store.itk_messages import messages_of
from ricenet_v2.store.meta_header import check_directions, check_meta
from ricenet_v2.store.nifti import opened, read_header
from ricenet_v2.store.nifti_pose import check_grid, check_header
from ricenet_v2.store.nrrd_header import check_nrrd
from ricenet_v2.store.text_headers import meta_header, nrrd_header

_READERS: dict[Format, str] = {
    "nifti": "NiftiImageIO",
    "nifti pair": "NiftiImageIO",
    "meta": "MetaImageIO",
    "nrrd": "NrrdImageIO",
}
_CHUNK, _MOST_CHUNKS = 1 << 20, 64
_ITK_OBJECT = re.compile(r"^ITK ERROR: \w+\(0x[0-9a-f]+\): ")


def open_header(path: Path) -> sitk.ImageFileReader:
    """A reader that has read the header of an image of three axes and one component.

    Raises:
        DatasetError: Missing, no regular file, of a format that is not read, unreadable, not 3D, or
            several components.
        GeometryError: Its header does not define the position of the voxels unambiguously, or its
            axes are not orthogonal.
    """
    check_file(path)
    kind = format_of(path)
    with foreign_errors(path):
        if kind == "meta":
            return _open_meta(path)
        if kind == "nrrd":
            check_nrrd(nrrd_header(path), path)
            return _opened(path, kind)
        single = kind == "nifti"
        header = read_header(path if single else image_files.pair(path)[0], single=single)
        check_header(header, path)
        reader = _opened(path, kind)
        check_grid(header, grid_of(reader), path)
        return reader


@contextmanager
def foreign_errors(path: Path) -> Iterator[None]:
    """Turn every error that is not ours into one that names the image."""
    try:
        yield
    except RicenetError:
        raise
    except Exception as error:
        raise unreadable(path, _damage(path) or _said(error)) from error


def unreadable(path: Path, fault: str) -> DatasetError:
    """The error of an image whose bytes are not what they should be.

    Args:
        path: Path of the image.
        fault: Fault in words.
    """
    return DatasetError(
        "This image cannot be read.",
        file=path,
        expected="a whole NIfTI, NRRD or MetaImage file",
        got=fault,
        remedy="Copy or convert the file again.",
    )


def grid_of(image: sitk.Image | sitk.ImageFileReader) -> Grid:
    """The grid of an image, before it is turned."""
    return Grid(
        shape=_reversed(image.GetSize()),
        spacing=_reversed(image.GetSpacing()),
        origin=tuple(image.GetOrigin()),
        direction=tuple(image.GetDirection()),
    )


def _open_meta(path: Path) -> sitk.ImageFileReader:
    header = meta_header(path)
    check_meta(header, path)
    reader = _opened(path, "meta")
    check_directions(header.fields, np.reshape(reader.GetDirection(), (3, 3)), path)
    return reader


def _opened(path: Path, kind: Format) -> sitk.ImageFileReader:
    reader = sitk.ImageFileReader()
    # Not found out by ITK, which may choose another format than the one that is checked here.
    reader.SetImageIO(_READERS[kind])
    reader.SetFileName(name_for_itk(path))
    with messages_of(path):
        reader.ReadImageInformation()
    axes, components = reader.GetDimension(), reader.GetNumberOfComponents()
    kind_of_numbers = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    if axes != 3 or components != 1 or "complex" in kind_of_numbers:
        raise DatasetError(
            "An image must have three axes and one component.",
            file=path,
            expected="3 axes, 1 component",
            got=f"{axes} axes, {components} components of {kind_of_numbers}",
            remedy="Save each time point or component as a channel of its own.",
        )
    check_right_angles(np.reshape(reader.GetDirection(), (3, 3)), path)
    return reader


def name_for_itk(path: Path) -> str:
    """A path as text. Where it is none, SimpleITK ends the process.

    Raises:
        DatasetError: A name in it has bytes that are not UTF-8.
    """
    name = str(path)
    if not is_text(name):
        raise DatasetError(
            "The path of this image is not text.",
            file=path,
            expected="names of folders and files in UTF-8",
            remedy="Rename the file, or the folder above it.",
        )
    return name


def check_file(path: Path) -> None:
    """Only regular files are opened: a pipe or a device may never answer.

    Raises:
        DatasetError: Missing, or no regular file.
    """
    if is_missing(path):
        raise DatasetError("There is no such image.", file=path)
    if fault := fault_of_file(path):
        raise not_readable(DatasetError, "This image", path, fault)


def _damage(path: Path) -> str:
    """Fault in the compressed bytes of a NIfTI file, which ITK calls another format."""
    with suppress(DatasetError, ValueError):
        if format_of(path) not in ("nifti", "nifti pair"):
            return ""
        try:
            with opened(path) as stream:
                for _ in range(_MOST_CHUNKS):
                    if not stream.read(_CHUNK):
                        break
        except (EOFError, OSError, zlib.error) as error:
            if isinstance(error, OSError) and error.errno is not None:  # not of gzip
                return ""
            return f"the compressed stream is damaged: {error}"
    return ""


def _said(error: Exception) -> str:
    """The last line of an error that says something; of ITK without the address of an object."""
    lines = [
        line for line in str(error).strip().splitlines() if not line.lstrip().startswith("Reason:")
    ]
    return _ITK_OBJECT.sub("", lines[-1]) if lines else type(error).__name__


def _reversed(values: tuple[int, ...]) -> tuple[int, int, int]:
    x, y, z = values
    return z, y, x
