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

from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.files import replacing
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.regular import fault_of_file, is_missing
from ricenet_v2.store import image_files
from ricenet_v2.store.axes import check_right_angles
from ricenet_v2.store.image_content import VoxelScan, scan_content
from ricenet_v2.store.image_files import Format, format_of
from ricenet_v2.store.image_sizes import check_claim, claim_of
from ricenet_v2.store.itk_messages import messages_of
from ricenet_v2.store.nifti import read_header
from ricenet_v2.store.nifti_pose import check_grid, check_header

_READERS: dict[Format, str] = {
    "nifti": "NiftiImageIO",
    "nifti pair": "NiftiImageIO",
    "meta": "MetaImageIO",
    "nrrd": "NrrdImageIO",
}


def _grid(image: sitk.Image | sitk.ImageFileReader) -> Grid:
    return Grid(
        shape=_reversed(image.GetSize()),
        spacing=_reversed(image.GetSpacing()),
        origin=tuple(image.GetOrigin()),
        direction=tuple(image.GetDirection()),
    )


def read_image(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """Read a 3D image of one component.

    Axes are flipped and swapped (never interpolated) so that they run as near as possible to
    left, posterior, superior: array axis 2 is right to left in every patient.

    Returns:
        The voxels, float32, array axes (z, y, x), and their grid.

    Raises:
        DatasetError: Missing, no regular file, of a format that is not read, unreadable, shorter
            than its header claims, not 3D, or several components.
        GeometryError: Its header does not say without doubt where the voxels lie, or its axes do
            not stand at right angles.
    """
    reader = _header(path)
    try:
        check_claim(path, reader)
        with messages_of(path):
            image = reader.Execute()
    except Exception as error:
        raise _unreadable(path, error) from error
    image = sitk.DICOMOrient(image, "LPS")
    voxels = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    return voxels, _grid(image)


def read_whole_image(path: Path) -> tuple[NDArray[np.float32], Grid]:
    """As `read_image`, of a file that no check has looked into: its bytes are read twice.

    Raises:
        RicenetError: As `read_image`, or damaged in a way that ITK hides.
    """
    image = read_image(path)
    try:
        fault = scan(path).fault
    except (OSError, ValueError) as error:
        raise _unreadable(path, error) from error
    if fault:
        raise _unreadable(path, ValueError(fault))
    return image


def scan(path: Path) -> VoxelScan:
    """Stream the voxels of an image, and look for what ITK hides.

    Raises:
        DatasetError: As `read_image`.
        ValueError: The bytes are damaged; in words.
        OSError: A file cannot be read.
    """
    return scan_content(path, claim_of(path, _header(path)))


def read_grid(path: Path) -> Grid:
    """The grid of an image after reorientation to LPS, from the header alone.

    Raises:
        DatasetError: Missing, of a format that is not read, unreadable, not 3D, or several
            components.
        GeometryError: As `read_image`.
    """
    return _to_lps(_grid(_header(path)))


def readable_grid(path: Path, seconds: float | None = None) -> Grid | None:
    """As `read_grid`; None where that fails or takes more than so many seconds."""
    try:
        return within(seconds, read_grid, path)
    except Exception:  # noqa: BLE001 - whoever reads the image itself hears why
        return None


def stored_axes(path: Path) -> str:
    """Where the axes of a file run to, e.g. `RAS`: right, anterior and superior.

    Raises:
        RicenetError: As `read_grid`.
    """
    axes = sitk.DICOMOrientImageFilter()
    return str(axes.GetOrientationFromDirectionCosines(_header(path).GetDirection()))


def _header(path: Path) -> sitk.ImageFileReader:
    """A reader that has read the header, and nothing in it is open to doubt."""
    _check_file(path)
    kind = format_of(path)
    reader = sitk.ImageFileReader()
    # Not found out by ITK, which may choose another format than the one that is checked here.
    reader.SetImageIO(_READERS[kind])
    reader.SetFileName(str(path))
    nifti = None
    try:
        if kind in ("nifti", "nifti pair"):
            nifti = read_header(image_files.pair(path)[0] if kind == "nifti pair" else path)
            check_header(nifti, path)
        with messages_of(path):
            reader.ReadImageInformation()
        axes, components = reader.GetDimension(), reader.GetNumberOfComponents()
        kind_of_numbers = sitk.GetPixelIDValueAsString(reader.GetPixelID())
    except RicenetError:
        raise
    except Exception as error:
        raise _unreadable(path, error) from error
    if axes != 3 or components != 1 or "complex" in kind_of_numbers:
        raise DatasetError(
            "An image must have three axes and one component.",
            file=path,
            expected="3 axes, 1 component",
            got=f"{axes} axes, {components} components of {kind_of_numbers}",
            remedy="Save each time point or component as a channel of its own.",
        )
    check_right_angles(np.reshape(reader.GetDirection(), (3, 3)), path)
    if nifti is not None:
        check_grid(nifti, _grid(reader), path)
    return reader


def _check_file(path: Path) -> None:
    """Only regular files are opened: a pipe or a device may never answer."""
    if is_missing(path):
        raise DatasetError("There is no such image.", file=path)
    if fault := fault_of_file(path):
        raise DatasetError(
            "This image cannot be read.",
            file=path,
            expected="a regular file",
            got=fault,
            remedy="Put the file itself there.",
        )


def _unreadable(path: Path, error: Exception) -> DatasetError:
    return DatasetError(
        "This image cannot be read.",
        file=path,
        expected="a whole NIfTI, NRRD or MetaImage file",
        got=(str(error).strip().splitlines() or [type(error).__name__])[-1],
        remedy="Copy or convert the file again.",
    )


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
    reader = _header(like)
    grid = _to_lps(_grid(reader))
    if voxels.shape != grid.shape:
        raise DatasetError(
            "Voxels and image differ in shape.", file=like, expected=grid.shape, got=voxels.shape
        )
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
