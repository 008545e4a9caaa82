"""Images that a program holds, of SimpleITK, nibabel or as arrays -> voxels in LPS.

nibabel is not imported: what has an `affine` and a `dataobj` is read as its images are.
"""

from __future__ import annotations

import os
from typing import Any, Protocol, TypeAlias, TypeGuard, runtime_checkable

import numpy as np
import SimpleITK as sitk
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import TOLERANCE_MM, Grid
from ricenet_v2.core.types import Floats, Image
from ricenet_v2.store.axes import check_right_angles, orientation_of
from ricenet_v2.store.image_header import grid_of

_RAS_TO_LPS = np.array([-1.0, -1.0, 1.0])
_CHANNELS_APART = "Pass each time point or component as a channel of its own."
_CODES = ("qform_code", "sform_code")
_UNITS = {"meter": 1e3, "micron": 1e-3}


@runtime_checkable
class AffineImage(Protocol):
    """An image as those of nibabel, array axes (x, y, z).

    Attributes:
        affine: Affine from indices (x, y, z) to world (x, y, z) in RAS mm, shape (4, 4).
        dataobj: The voxels.
    """

    @property
    def affine(self) -> Any:  # noqa: D102 - above
        ...

    @property
    def dataobj(self) -> Any:  # noqa: D102
        ...


HeldImage: TypeAlias = sitk.Image | AffineImage
ImageInput: TypeAlias = str | os.PathLike[str] | HeldImage
"""A file, or an image of SimpleITK or nibabel."""


def is_held(image: object) -> TypeGuard[HeldImage]:
    """Whether it is an image of SimpleITK, or like those of nibabel."""
    return isinstance(image, (sitk.Image, AffineImage))


def held_image(image: HeldImage) -> tuple[Image, Grid]:
    """Voxels, float32, axes (z, y, x) in LPS, and their grid, of a 3D image of one component.

    Raises:
        DatasetError: Not three axes, several components, or complex numbers.
        GeometryError: It does not say without doubt where its voxels lie, or its axes do not stand
            at right angles.
    """
    if isinstance(image, sitk.Image):
        return _of_itk(image)
    if isinstance(image, AffineImage):
        return _of_affine(image)
    raise DatasetError(
        "This is not an image.",
        expected="a path, or an image of SimpleITK or nibabel",
        got=type(image).__name__,
    )


def to_lps(voxels: NDArray[np.generic], grid: Grid) -> tuple[Image, Grid]:
    """Flip and swap the axes of an array, as images are when they are read.

    Args:
        voxels: Axes (z, y, x), of the grid's shape.
        grid: Where they lie, whichever way its axes run.

    Returns:
        The voxels, float32, axes (z, y, x) in LPS, and their grid.

    Raises:
        DatasetError: Voxels and grid differ in shape.
        GeometryError: The axes of the grid do not stand at right angles.
    """
    if voxels.shape != grid.shape:
        raise DatasetError(
            "Voxels and grid differ in shape.",
            expected=f"{grid.shape} (z, y, x), that of the grid",
            got=voxels.shape,
        )
    check_right_angles(np.reshape(grid.direction, (3, 3)), None)
    return turned_to_lps(itk_image(voxels, grid))


def turned_to_lps(image: sitk.Image) -> tuple[Image, Grid]:
    """Voxels, float32, axes (z, y, x) in LPS, of an image that was checked, and their grid."""
    if orientation_of(image.GetDirection()) != "LPS":
        image = sitk.DICOMOrient(image, "LPS")
    voxels = sitk.GetArrayFromImage(image).astype(np.float32, copy=False)
    return voxels, grid_of(image)


def itk_image(voxels: NDArray[np.generic], grid: Grid) -> sitk.Image:
    """Voxels (z, y, x) on a grid as an image of SimpleITK; a mask has 0 and 1."""
    array = voxels.astype(np.uint8) if voxels.dtype == np.bool_ else voxels
    image = sitk.GetImageFromArray(array)
    image.SetSpacing(tuple(float(s) for s in grid.spacing[::-1]))
    image.SetOrigin(tuple(float(o) for o in grid.origin))
    image.SetDirection(tuple(float(d) for d in grid.direction))
    return image


def _of_itk(image: sitk.Image) -> tuple[Image, Grid]:
    axes, components = image.GetDimension(), image.GetNumberOfComponentsPerPixel()
    kind = image.GetPixelIDTypeAsString()
    if axes != 3 or components != 1 or "complex" in kind:
        raise _not_one_volume(f"{axes} axes, {components} components of {kind}")
    check_right_angles(np.reshape(image.GetDirection(), (3, 3)), None)
    return turned_to_lps(image)


def _of_affine(image: AffineImage) -> tuple[Image, Grid]:
    voxels = np.asanyarray(image.dataobj)
    while voxels.ndim > 3 and voxels.shape[-1] == 1:  # as a file of such is read
        voxels = voxels[..., 0]
    if voxels.ndim != 3 or voxels.dtype.kind not in "biuf":
        raise _not_one_volume(f"{voxels.dtype} of shape {voxels.shape}")
    affine = _affine(image.affine)
    _check_codes(image)
    to_mm = _RAS_TO_LPS * _millimetres(image)
    steps, origin = to_mm[:, None] * affine[:3, :3], to_mm * affine[:3, 3]
    check_right_angles(steps, None)
    lengths = np.linalg.norm(steps, axis=0)
    nx, ny, nz = voxels.shape
    sx, sy, sz = (float(length) for length in lengths)
    x, y, z = (float(mm) for mm in origin)
    direction = tuple(float(cosine) for cosine in (steps / lengths).ravel())
    grid = Grid((nz, ny, nx), (sz, sy, sx), (x, y, z), direction)
    return to_lps(np.ascontiguousarray(voxels.T, dtype=np.float32), grid)


def _affine(affine: object) -> Floats:
    matrix: Floats | None = None if affine is None else np.asarray(affine, dtype=np.float64)
    if matrix is None or matrix.shape != (4, 4) or not np.isfinite(matrix).all():
        raise GeometryError(
            "This image has no voxel size and position.",
            expected="an affine of 4 x 4 finite numbers, in RAS mm",
            got=None if matrix is None else matrix.tolist(),
            remedy="Make it with its affine, nibabel.Nifti1Image(voxels, affine).",
        )
    return matrix


def _millimetres(image: AffineImage) -> float:
    """Millimetres per unit of its affine, which nibabel leaves as the file has it."""
    units = getattr(getattr(image, "header", None), "get_xyzt_units", None)
    return 1.0 if units is None else _UNITS.get(str(units()[0]), 1.0)


def _check_codes(image: AffineImage) -> None:
    """Refuse an image of nibabel if the file from which it was read would be refused."""
    get = getattr(getattr(image, "header", None), "get", None)
    codes: list[Any] = [None] if get is None else [get(name) for name in _CODES]
    if None in codes:
        return
    if max(int(code) for code in codes) < 1:
        raise GeometryError(
            "The header of this image does not define its orientation in the patient.",
            expected="a qform_code or sform_code above 0",
            got="qform_code and sform_code are both 0",
            remedy="Programs assume different axes then, and left and right may be exchanged. If "
            "you know that its affine is right, say so: image.set_sform(affine, code=1).",
        )
    if min(int(code) for code in codes) > 0:
        _check_agreement(image)


def _check_agreement(image: Any) -> None:
    ends = np.array([[0, n - 1] for n in image.shape[:3]], dtype=np.float64)
    corners = np.stack([*map(np.ravel, np.meshgrid(*ends)), np.ones(8)])
    apart = (np.asarray(image.get_qform()) - np.asarray(image.get_sform())) @ corners
    most = float(np.linalg.norm(apart[:3], axis=0).max()) * _millimetres(image)
    if most > TOLERANCE_MM:
        raise GeometryError(
            "This image has two conflicting orientations.",
            expected="a qform and an sform that agree",
            got=f"corners up to {most:.3g} mm apart",
            remedy="Find out which is right, and write it into both: image.set_qform(affine), "
            "image.set_sform(affine).",
        )


def _not_one_volume(got: str) -> DatasetError:
    return DatasetError(
        "An image must have three axes and one component.",
        expected="3 axes, 1 component of real numbers",
        got=got,
        remedy=_CHANNELS_APART,
    )
