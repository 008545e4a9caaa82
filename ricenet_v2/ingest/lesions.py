"""Several lesions in one mask -> a mask for each, beside images that stay as they are."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import RegionError
from ricenet_v2.core.types import Triple
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.lesion_names import LESION, lesion_case
from ricenet_v2.store.raw import mask_path
from ricenet_v2.voxels.lesions import lesions_in
from ricenet_v2.voxels.volumes import millilitres


@dataclass(frozen=True)
class LesionFile:
    """The mask of one lesion.

    Attributes:
        case_id: Case id of the lesion, e.g. `P001_l2`.
        path: File of the mask.
        volume_ml: Volume.
        centre: World (x, y, z) mm in LPS.
    """

    case_id: str
    path: Path
    volume_ml: float
    centre: Triple


def write_lesions(source: Path, folder: Path, image_id: str, ending: str) -> tuple[LesionFile, ...]:
    """Write a mask for each lesion of a mask.

    Args:
        source: The mask, of several labels or of one.
        folder: Where the masks are written.
        image_id: Id of the images to which the mask belongs.
        ending: File ending of the files.

    Raises:
        RegionError: The mask is empty.
        DatasetError: It cannot be read.
    """
    voxels, grid = read_image(source)
    lesions = lesions_in(voxels)
    if not lesions:
        raise RegionError(
            "The lesion mask is empty.",
            case=image_id,
            file=source,
            expected="at least one voxel above 0.5",
            got=f"0 of {voxels.size} voxels",
            remedy="Draw the lesions, or leave the patient out.",
        )
    files = []
    for number, mask in lesions.items():
        case = lesion_case(image_id, number)
        path = mask_path(folder, case, LESION, ending)
        write_image(path, mask.astype(np.uint8), grid)
        places = grid.positions(np.argwhere(mask).astype(np.float64)).mean(axis=0).tolist()
        ml = millilitres(mask, grid.spacing)
        files.append(LesionFile(case, path, ml, (places[0], places[1], places[2])))
    return tuple(files)
