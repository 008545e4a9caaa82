"""Medical images <-> arrays with a grid. Everything is turned to LPS when read."""

from __future__ import annotations

import gzip
import math
import os
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.grid import Grid
from ricenet_v2.store import image_files
from ricenet_v2.store.axes import orientation_of
from ricenet_v2.store.held_images import ImageInput, held_image, itk_image
from ricenet_v2.store.image_header import foreign_errors, name_for_itk, unreadable
from ricenet_v2.store.itk_messages import messages_of
from ricenet_v2.store.stored_image import StoredImage


def read_image(path: ImageInput) -> tuple[NDArray[np.float32], Grid]:
    """Read a 3D image of one component, from a file or from an image of SimpleITK or nibabel.

    Axes are flipped and swapped (never interpolated) so that they run as near as possible to
    left, posterior, superior: array axis 2 is right to left in every patient.

    Args:
        path: NIfTI, NRRD or MetaImage; or an image of SimpleITK or nibabel, whichever way its axes
            run.

    Returns:
        The voxels, float32, array axes (z, y, x), in the units of the image, and their grid.

    Raises:
        DatasetError: The file is missing, not regular, of an unsupported format, unreadable,
            shorter than its header claims, not 3D, or has several components.
        PluginError: The package that brings the reader of its format fails.
        GeometryError: Its header does not define the position of the voxels unambiguously, or its
            axes are not orthogonal.

    Example:
        >>> voxels, grid = rn.read_image(raw / "imagesTs" / "PH0016_0000.nii.gz")
        >>> voxels.shape, grid.spacing
        ((16, 20, 16), (11.0, 10.0, 11.0))
    """
    if not isinstance(path, (str, os.PathLike)):
        return held_image(path)
    return StoredImage(Path(path)).read()


def read_whole_image(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Read as `read_image` does, a file that no check has looked into: its bytes are read twice.

    Raises:
        RicenetError: As `read_image`, or damaged in a way that ITK hides.
    """
    image = StoredImage(path)
    with foreign_errors(path):
        fault = image.scan().fault
    if fault:
        raise unreadable(path, fault)
    return image.read()


def read_grid(path: Path) -> Grid:
    """The grid of an image after reorientation to LPS, from the header alone.

    Raises:
        DatasetError: Missing, of a format that is not read, unreadable, not 3D, or several
            components.
        GeometryError: As `read_image`.
    """
    with foreign_errors(path):
        return _to_lps(StoredImage(path).grid)


def readable_grid(path: Path, seconds: float | None = None) -> Grid | None:
    """The same as `read_grid`; None where that fails or takes more than so many seconds."""
    try:
        return within(seconds, read_grid, path)
    except Exception:  # noqa: BLE001 - reading the image itself says why
        return None


def _to_lps(grid: Grid) -> Grid:
    """The grid that DICOMOrient(..., "LPS") gives, without touching voxels.

    A tiny image cannot stand in for a large one here since its origin would differ after a flip.
    """
    cosines = np.asarray(grid.direction, dtype=np.float64).reshape(3, 3)
    code = orientation_of(grid.direction)
    world = [next(i for i, pair in enumerate(("LR", "PA", "SI")) if c in pair) for c in code]
    source = [world.index(axis) for axis in range(3)]
    flipped = [code[s] not in "LPS" for s in source]
    corner = [0.0, 0.0, 0.0]
    for s, flip in zip(source, flipped, strict=True):
        corner[2 - s] = grid.shape[2 - s] - 1 if flip else 0
    columns = [cosines[:, s] * (-1 if flip else 1) for s, flip in zip(source, flipped, strict=True)]
    shape, spacing = grid.shape, grid.spacing
    ox, oy, oz = grid.world((corner[0], corner[1], corner[2]))
    return Grid(
        shape=(shape[2 - source[2]], shape[2 - source[1]], shape[2 - source[0]]),
        spacing=(spacing[2 - source[2]], spacing[2 - source[1]], spacing[2 - source[0]]),
        origin=(float(ox), float(oy), float(oz)),
        direction=tuple(float(v) for v in np.stack(columns, axis=1).ravel()),
    )


def write_image(path: Path, voxels: NDArray[np.generic], grid: Grid) -> None:
    """Write an image atomically, compressed where the format can.

    Args:
        path: The ending decides the format.
        voxels: Array axes (z, y, x), of the grid's shape.
        grid: Where the voxels lie.
    """
    if voxels.shape != grid.shape:
        raise DatasetError(
            "Voxels and grid differ in shape.", file=path, expected=grid.shape, got=voxels.shape
        )
    _write(path, itk_image(voxels, grid))


def write_image_like(path: Path, voxels: NDArray[np.generic], like: Path) -> None:
    """Write voxels in LPS on exactly the grid of another file, with its axes and its origin.

    Axes are flipped and swapped back, never interpolated, so that programs which compare voxel by
    voxel find both images alike.

    Args:
        path: The ending decides the format.
        voxels: Voxels as `read_image` orders those of `like`, array axes (z, y, x).
        like: The file.

    Raises:
        DatasetError: `like` is missing or unreadable, or has other voxels.
    """
    as_stored = StoredImage(like).grid
    grid = _to_lps(as_stored)
    if voxels.shape != grid.shape:
        raise DatasetError(
            "Voxels and image differ in shape.", file=like, expected=grid.shape, got=voxels.shape
        )
    image = sitk.DICOMOrient(itk_image(voxels, grid), orientation_of(as_stored.direction))
    image.SetDirection(as_stored.direction)
    image.SetOrigin(as_stored.origin)
    _write(path, image)


def _write(path: Path, image: sitk.Image) -> None:
    if path.name.lower().endswith(image_files.DETACHED):
        # Two files cannot take the place of two others at one instant.
        raise DatasetError(
            "An image is written as one file.",
            file=path,
            expected=".nii.gz, .nii, .mha or .nrrd",
            got=path.suffix,
        )
    with replacing(path) as temporary:
        with messages_of(path):
            sitk.WriteImage(image, name_for_itk(temporary), useCompression=True)
        _check_whole(temporary, image)


def _check_whole(path: Path, image: sitk.Image) -> None:
    """ITK does not say when a disk was full while it wrote NIfTI.

    Raises:
        RuntimeError: The file is shorter than the voxels.
    """
    if not path.name.endswith((".nii", ".nii.gz")):
        return
    voxels = math.prod(image.GetSize()) * image.GetNumberOfComponentsPerPixel()
    expected, n_read = voxels * image.GetSizeOfPixelComponent(), 0
    open_it = gzip.open if path.suffix == ".gz" else open
    with open_it(path, "rb") as stream, suppress(EOFError, zlib.error):
        while chunk := stream.read(1 << 20):
            n_read += len(chunk)
    if n_read < expected:
        raise RuntimeError(f"{n_read} of {expected} bytes were written")
