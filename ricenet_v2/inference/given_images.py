"""The images of one patient as Python holds them: arrays with a grid, files, or image objects."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import (
    DatasetError,
    GeometryError,
    MissingChannelError,
    RicenetError,
)
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image, Images, Mask
from ricenet_v2.store.held_images import ImageInput, held_image, is_held, to_lps
from ricenet_v2.store.images import read_whole_image
from ricenet_v2.voxels.absence import ABSENT

Array: TypeAlias = NDArray[np.generic]
Given: TypeAlias = ImageInput | Array
GivenImages: TypeAlias = Given | Sequence[Given | None] | Mapping[str, Given | None]
_INSTEAD = "a path, an image of SimpleITK or nibabel, or an array with the Grid of its voxels"


@dataclass(frozen=True)
class GivenPatient:
    """Images given for a patient, one entry for each channel.

    Attributes:
        entries: Files, image objects, or arrays (z, y, x); None of a channel that is missing.
        names: Names of their channels, where they were given by name.
        grid: Grid of the arrays, as given.
        case_id: Case id for messages.
    """

    entries: tuple[Given | None, ...]
    names: tuple[str, ...] | None
    grid: Grid | None
    case_id: str

    @classmethod
    def of(cls, images: GivenImages, grid: Grid | None, case_id: str) -> GivenPatient:
        """Sort what was given.

        Raises:
            DatasetError: It is nothing that holds images.
        """
        if isinstance(images, Mapping):
            return cls(tuple(images.values()), tuple(images), grid, case_id)
        if isinstance(images, (str, os.PathLike)) or is_held(images):
            return cls((images,), None, grid, case_id)
        if isinstance(images, Sequence):
            return cls(tuple(images), None, grid, case_id)
        array = _array(images, case_id)
        if array.ndim != 4:
            raise DatasetError(
                "An array of images must have four axes.",
                case=case_id,
                expected="axes (channels, z, y, x)",
                got=f"shape {array.shape}",
                remedy="For a single channel, pass array[None].",
            )
        return cls(tuple(array), None, grid, case_id)

    def read(self, chosen: Sequence[int], names: Sequence[str]) -> tuple[Images, Grid]:
        """Images (channels, z, y, x) in LPS of some entries, and their grid; NaN where missing.

        Args:
            chosen: Indices of the entries.
            names: Names of their channels.

        Raises:
            DatasetError: An image cannot be used, or arrays have no grid or another shape.
            GeometryError: The images lie on different grids, or it is in doubt where they lie.
            MissingChannelError: All of them are None.
        """
        images, first, of_first = None, None, ""
        for at, (index, name) in enumerate(zip(chosen, names, strict=True)):
            entry, what = self.entries[index], f"channel {name}"
            if entry is None:
                continue
            voxels, grid = self._voxels(entry, what)
            if images is None or first is None:
                images = np.full((len(chosen), *grid.shape), ABSENT)
                first, of_first = grid, what
            else:
                self._check_same(grid, first, what, of_first)
            images[at] = voxels
        if images is None or first is None:
            raise MissingChannelError(
                "All channels of this patient are missing.",
                case=self.case_id,
                expected=f"an image of one channel or more: {_INSTEAD}",
                got=f"{len(chosen)} times None",
            )
        return images, first

    def mask(self, given: Given, name: str, grid: Grid) -> Mask:
        """A mask (z, y, x) in LPS: what is above 0.5.

        Args:
            given: A file or image object; or an array, where the images are arrays of its axes.
            name: `brain` or `lesion`.
            grid: Grid of the images, in LPS.

        Raises:
            DatasetError: It cannot be used, or is an array beside images that are none.
            GeometryError: It lies on another grid.
        """
        what = f"{name} mask"
        voxels, lying = self._voxels(given, what)
        self._check_same(lying, grid, what, "the images")
        return voxels > 0.5

    def _voxels(self, given: Given, what: str) -> tuple[Image, Grid]:
        try:
            if isinstance(given, (str, os.PathLike)):
                self._refuse_grid()
                return read_whole_image(Path(given))
            if is_held(given):
                self._refuse_grid()
                return held_image(given)
            return to_lps(_array(given, self.case_id), self._needed_grid())
        except RicenetError as error:
            raise error.with_parts(case=self.case_id, file=error.file or what) from error

    def _needed_grid(self) -> Grid:
        if self.grid is not None:
            return self.grid
        raise GeometryError(
            "An array has no voxel size and position.",
            expected="the Grid of the arrays as second argument: "
            "rn.Grid(shape, spacing, origin, direction), spacing in mm along (z, y, x)",
            got="no grid",
            remedy="Or pass paths or images of SimpleITK or nibabel, the masks too.",
        )

    def _refuse_grid(self) -> None:
        if self.grid is None or any(map(_has_no_place, self.entries)):
            return
        raise GeometryError(
            "These images carry their own geometry.",
            expected="no grid, which is that of arrays",
            got=self.grid,
        )

    def _check_same(self, grid: Grid, first: Grid, what: str, reference: str) -> None:
        if grid.matches(first):
            return
        raise GeometryError(
            "All channels and masks of a case must lie on one grid.",
            case=self.case_id,
            file=what,
            expected=f"that of {reference}, in LPS: {first}",
            got=grid,
            remedy="Resample the image onto the grid of the first channel.",
        )


def _has_no_place(given: Given | None) -> bool:
    """Whether it is an array, which does not say where its voxels lie."""
    return given is not None and not (isinstance(given, (str, os.PathLike)) or is_held(given))


def _array(given: object, case_id: str) -> Array:
    if not hasattr(given, "__array__") or isinstance(given, type):
        raise DatasetError(
            "This is not an image.", case=case_id, expected=_INSTEAD, got=type(given).__name__
        )
    array: Array = np.asarray(given)
    if array.dtype.kind not in "biuf":
        raise DatasetError(
            "The array must be numeric.",
            case=case_id,
            expected="integers or floating point numbers",
            got=f"{array.dtype} of shape {array.shape}",
        )
    return array
