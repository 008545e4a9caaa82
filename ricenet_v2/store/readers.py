"""Readers of further formats of images that other packages bring.

They come by entry points of the group `ricenet_v2.readers`, whose name is the ending of the files
without its first dot, such as `npz`. What the headers of NIfTI, MetaImage and NRRD are checked for
does not apply; shape, numbers and pose are checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.plugins import Door, installed
from ricenet_v2.core.types import Image
from ricenet_v2.store.axes import check_right_angles
from ricenet_v2.store.image_files import ENDINGS

_IF_DAMAGED = "Where the file is damaged, copy or export it again."
Read = Callable[[Path], tuple[NDArray[np.generic], Grid]]


@dataclass(frozen=True)
class ReaderSpecification:
    """A reader of images.

    Attributes:
        read: A function, or `module:function`, from a file to its voxels (z, y, x), of any real
            numbers, and where they lie, in LPS; see `Grid`. It raises an error where the
            file is damaged, and runs nothing that a file holds.
        grid: The same for the grid alone, where that is quicker; None reads the whole image.
    """

    read: Read | str
    grid: Callable[[Path], Grid] | str | None = None


READERS: Door[ReaderSpecification] = Door(
    "readers",
    "reader of images",
    ReaderSpecification,
    {},
    reserved=(ending.removeprefix(".") for endings in ENDINGS.values() for ending in endings),
)


def reader_of(path: Path) -> str:
    """The name of the reader that an ending belongs to; empty for formats of this program."""
    name = path.name.lower()
    names = [each.name for each in installed("readers") if name.endswith(f".{each.name.lower()}")]
    return max(names, key=len, default="")


def read_voxels(path: Path, reader: str) -> tuple[Image, Grid]:
    """Voxels (z, y, x), float32, of an image of a package's format, and where they lie.

    Args:
        path: A regular file.
        reader: Name of the reader.

    Raises:
        PluginError: The package fails, or does not give voxels and a grid.
        DatasetError: Not three axes of real numbers, or another shape than that of the grid.
        GeometryError: Its axes do not stand at right angles.
    """
    read = READERS.function(reader, "read")
    with READERS.blamed(reader, f"cannot read {path.name}", _IF_DAMAGED):
        voxels, grid = read(path)
        voxels = np.asarray(voxels)
    _check_grid(path, grid)
    is_real = voxels.dtype == np.bool_ or np.issubdtype(voxels.dtype, np.integer)
    is_real = is_real or np.issubdtype(voxels.dtype, np.floating)
    if voxels.shape != grid.shape or not is_real:
        raise DatasetError(
            "This image is not one of three axes and one component.",
            file=path,
            expected=f"real numbers of the shape of its grid, {grid.shape} (z, y, x)",
            got=f"{voxels.dtype} of shape {voxels.shape}",
            remedy="Save each time point or component as a channel of its own.",
        )
    return np.ascontiguousarray(voxels, dtype=np.float32), grid


def read_place(path: Path, reader: str) -> Grid:
    """The grid alone, read as `read_voxels` does."""
    if READERS[reader].grid is None:
        return read_voxels(path, reader)[1]
    read = READERS.function(reader, "grid")
    with READERS.blamed(reader, f"cannot read {path.name}", _IF_DAMAGED):
        grid: Grid = read(path)
    _check_grid(path, grid)
    return grid


def _check_grid(path: Path, grid: Grid) -> None:
    if not isinstance(grid, Grid):
        raise DatasetError(
            "The reader of this image returned no geometry.",
            file=path,
            expected="a Grid",
            got=type(grid).__name__,
        )
    check_right_angles(np.reshape(grid.direction, (3, 3)), path)
