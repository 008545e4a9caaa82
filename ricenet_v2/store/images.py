"""Medical images <-> arrays with a grid. Everything is turned to LPS when read."""

from __future__ import annotations

import gzip
import math
import zlib
from contextlib import suppress
from pathlib import Path

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.image_sizes import check_claim


def _grid(image: sitk.Image) -> Grid:
    x, y, z = image.GetSize()
    sx, sy, sz = image.GetSpacing()
    ox, oy, oz = image.GetOrigin()
    return Grid((z, y, x), (sz, sy, sx), (ox, oy, oz), tuple(image.GetDirection()))


def read_image(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Read a 3D image of one component.

    Axes are flipped and swapped (never interpolated) so that they run as near as possible to
    left, posterior, superior: array axis 2 is right to left in every patient.

    Returns:
        The voxels, float32, array axes (z, y, x), and their grid.

    Raises:
        DatasetError: Missing, unreadable, shorter than its header claims, not 3D, or several
            components.
    """
    if not path.is_file():
        raise DatasetError("There is no such image.", file=path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
        check_claim(path, reader)
        image = reader.Execute()
    except Exception as error:
        raise DatasetError(
            "This image cannot be read.",
            file=path,
            expected="a whole NIfTI, NRRD, MHA or similar file",
            got=(str(error).strip().splitlines() or [type(error).__name__])[-1],
            remedy="Copy or convert the file again.",
        ) from error
    kind = image.GetPixelIDTypeAsString()
    if image.GetDimension() != 3 or image.GetNumberOfComponentsPerPixel() != 1 or "complex" in kind:
        raise DatasetError(
            "An image must have three axes and one component.",
            file=path,
            expected="3 axes, 1 component",
            got=f"{image.GetDimension()} axes, {image.GetNumberOfComponentsPerPixel()} components "
            f"of {kind}",
            remedy="Save each time point or component as a channel of its own.",
        )
    image = sitk.DICOMOrient(image, "LPS")
    voxels = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    return voxels, _grid(image)


def read_grid(path: Path) -> Grid:
    """The grid of an image after reorientation to LPS, from the header alone.

    Raises:
        DatasetError: Missing, unreadable or not 3D.
    """
    if not path.is_file():
        raise DatasetError("There is no such image.", file=path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    try:
        reader.ReadImageInformation()
    except RuntimeError as error:
        raise DatasetError(
            "The header of this image cannot be read.", file=path, got=str(error).strip()[-200:]
        ) from error
    if reader.GetDimension() != 3:
        raise DatasetError(
            "An image must have three axes.", file=path, expected=3, got=reader.GetDimension()
        )
    stored = Grid(
        shape=_reversed(reader.GetSize()),
        spacing=_reversed(reader.GetSpacing()),
        origin=reader.GetOrigin(),
        direction=tuple(reader.GetDirection()),
    )
    return _to_lps(stored)


def stored_axes(path: Path) -> str:
    """Where the axes of a file run to, e.g. `RAS`: right, anterior and superior.

    Raises:
        DatasetError: Missing, unreadable or not 3D.
    """
    read_grid(path)
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(path))
    reader.ReadImageInformation()
    axes = sitk.DICOMOrientImageFilter()
    return str(axes.GetOrientationFromDirectionCosines(reader.GetDirection()))


def _reversed(values: tuple[int, ...]) -> tuple[int, int, int]:
    x, y, z = values
    return z, y, x


def _to_lps(grid: Grid) -> Grid:
    """The grid that DICOMOrient(..., "LPS") gives, without touching voxels.

    A tiny image cannot stand in for a large one here since its origin would differ after a flip.
    """
    cosines = np.asarray(grid.direction, dtype=np.float64).reshape(3, 3)
    axes = sitk.DICOMOrientImageFilter()
    code = axes.GetOrientationFromDirectionCosines(grid.direction)
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
    _write(path, _image(voxels, grid))


def write_image_like(path: Path, voxels: NDArray[np.generic], like: Path) -> None:
    """Write voxels in LPS on the very grid of another file, with its axes and its origin.

    Axes are flipped and swapped back, never interpolated, so that programs which compare voxel by
    voxel find both images alike.

    Args:
        path: The ending decides the format.
        voxels: As `read_image` orders those of `like`, array axes (z, y, x).
        like: The file.

    Raises:
        DatasetError: `like` is missing or unreadable, or has other voxels.
    """
    grid = read_grid(like)
    if voxels.shape != grid.shape:
        raise DatasetError(
            "Voxels and image differ in shape.", file=like, expected=grid.shape, got=voxels.shape
        )
    reader = sitk.ImageFileReader()
    reader.SetFileName(str(like))
    reader.ReadImageInformation()
    direction = reader.GetDirection()
    code = sitk.DICOMOrientImageFilter().GetOrientationFromDirectionCosines(direction)
    image = sitk.DICOMOrient(_image(voxels, grid), code)
    image.SetDirection(direction)
    image.SetOrigin(reader.GetOrigin())
    _write(path, image)


def _image(voxels: NDArray[np.generic], grid: Grid) -> sitk.Image:
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(float(s) for s in grid.spacing[::-1]))
    image.SetOrigin(tuple(float(o) for o in grid.origin))
    image.SetDirection(tuple(float(d) for d in grid.direction))
    return image


def _write(path: Path, image: sitk.Image) -> None:
    with replacing(path) as temporary:
        sitk.WriteImage(image, str(temporary), useCompression=True)
        _check_whole(temporary, image)


def _check_whole(path: Path, image: sitk.Image) -> None:
    """ITK does not say when a disk was full while it wrote NIfTI.

    Raises:
        RuntimeError: The file is shorter than the voxels.
    """
    if not path.name.endswith((".nii", ".nii.gz")):
        return
    voxels = math.prod(image.GetSize()) * image.GetNumberOfComponentsPerPixel()
    expected, found = voxels * image.GetSizeOfPixelComponent(), 0
    open_it = gzip.open if path.suffix == ".gz" else open
    with open_it(path, "rb") as stream, suppress(EOFError, zlib.error):
        while chunk := stream.read(1 << 20):
            found += len(chunk)
    if found < expected:
        raise RuntimeError(f"{found} of {expected} bytes were written")
