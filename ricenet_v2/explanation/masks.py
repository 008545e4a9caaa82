"""Masks beside the images of a case: of the lesion, and of a region that is to be explained."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.regular import is_missing
from ricenet_v2.core.types import Mask
from ricenet_v2.explanation.space import Space
from ricenet_v2.store.images import read_whole_image
from ricenet_v2.store.raw import mask_path, stored

LESION = "lesion"
_MOSTLY = 0.95


@dataclass(frozen=True)
class Lesion:
    """The lesion of a case, where it is known.

    Attributes:
        images: Lesion mask on the grid of the images, (z, y, x).
        seen: Lesion mask on the voxels that the network sees; None if it has no voxel there.
        doubts: Doubts about the mask, as texts.
    """

    images: Mask | None = None
    seen: Mask | None = None
    doubts: tuple[str, ...] = ()


def file_of(masks: Path | None, case_id: str, name: str, ending: str) -> Path | None:
    """The file of a mask, where there is one."""
    path = None if masks is None else stored(mask_path(masks, case_id, name, ending))
    return None if path is None or is_missing(path) else path


def lesion_of(path: Path | None, case_id: str, grid: Grid, space: Space) -> Lesion:
    """Read the lesion's mask and bring it to the network.

    Args:
        path: Path of the mask; None where there is none.
        case_id: The case.
        grid: Grid of its images.
        space: The way to the network.

    Raises:
        GeometryError: It lies on another grid.
        DatasetError: It cannot be read, or has voxels that are not numbers.
    """
    if path is None:
        return Lesion()
    mask = _read(path, case_id, grid)
    if not mask.any():
        return Lesion(doubts=("the lesion mask is empty",))
    seen, inside = space.mask_to_network(mask), space.share_inside(mask)
    if not seen.any():
        why = "is too small for the voxels of the network" if inside else "lies outside of them"
        doubt = f"the networks see nothing of the lesion: its mask {why}"
        return Lesion(mask, doubts=(doubt,))
    if inside < _MOSTLY:
        doubt = (
            f"{100 * (1 - inside):.0f} % of the lesion lies outside the image that the networks see"
        )
        return Lesion(mask, seen, (doubt,))
    return Lesion(mask, seen)


def region_of(
    masks: Path | None, case_id: str, name: str, ending: str, grid: Grid, space: Space
) -> Mask:
    """A region that is to be explained, on the voxels that the network sees, (z, y, x).

    Args:
        masks: Folder of masks.
        case_id: The case.
        name: Name of the mask, CASE_name.
        ending: Ending of its file.
        grid: Grid of the images.
        space: The way to the network.

    Raises:
        GeometryError: The mask lies on another grid, or outside of what the network sees.
        DatasetError: There is no such mask, or it cannot be used.
    """
    path = file_of(masks, case_id, name, ending)
    if path is None:
        raise DatasetError(
            "There is no mask of the region to explain.",
            case=case_id,
            file=masks,
            expected=f"{case_id}_{name}{ending}",
            remedy="Add it, name the folder of masks with --masks, or leave --region out.",
        )
    region = space.mask_to_network(_read(path, case_id, grid))
    if not region.any():
        raise GeometryError(
            "The region to explain holds no voxel of what the networks see.",
            case=case_id,
            file=path,
            expected=f"voxels in the cropped image, {space.record.crop_start} to "
            f"{space.record.crop_stop} (z, y, x)",
            remedy="Draw it inside the patient, or give --region image.",
        )
    return region


def _read(path: Path, case_id: str, grid: Grid) -> Mask:
    voxels, mask_grid = read_whole_image(path)
    if not mask_grid.matches(grid):
        raise GeometryError(
            "A mask does not lie on the grid of the images.",
            case=case_id,
            file=path,
            expected=grid,
            got=mask_grid,
            remedy="Resample the mask onto the grid of the first channel.",
        )
    if not np.isfinite(voxels).all():
        raise DatasetError("A mask has voxels that are not numbers.", case=case_id, file=path)
    return np.asarray(voxels > 0.5)
