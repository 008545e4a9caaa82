"""An image in another format than DICOM, of which nothing has been checked before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Image
from ricenet_v2.store.images import read_whole_image


def read_image_file(file: Path) -> tuple[Image, Grid]:
    """Voxels (z, y, x), float32, and their grid, which runs near left, posterior, superior.

    Raises:
        RicenetError: As `read_whole_image`, or voxels that are no finite numbers: no format but
            NIfTI is searched for these before, and a scale may lead out of what is finite.
    """
    voxels, grid = read_whole_image(file)
    n_bad = voxels.size - int(np.isfinite(voxels).sum())
    if n_bad:
        raise DatasetError(
            "This image has voxels that are not finite.",
            file=file,
            expected="finite numbers",
            got=f"{n_bad} of {voxels.size} voxels are NaN or infinite",
            remedy="Export or convert it again.",
        )
    return voxels, grid
