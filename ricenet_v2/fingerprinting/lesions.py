"""Sizes of the lesions of a dataset."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.deadline import within
from ricenet_v2.core.errors import RegionError
from ricenet_v2.core.types import Triple
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import RawDataset
from ricenet_v2.voxels.boxes import bounding_box


def lesion_extents(
    raw: RawDataset, cases: Sequence[Case], seconds: float | None = None
) -> tuple[Triple, ...]:
    """The extent of the lesion of each case, mm along (z, y, x).

    Args:
        raw: The dataset.
        cases: Cases that each have a lesion mask.
        seconds: Time in seconds that reading a mask may take; None for no limit.

    Raises:
        RegionError: A mask is empty.
        DatasetError: A mask cannot be read.
    """
    extents = []
    for case in cases:
        path = raw.mask(case, "lesion")
        if path is not None:
            extents.append(within(seconds, _extent, path, case.case_id))
    return tuple(extents)


def _extent(path: Path, case_id: str) -> Triple:
    voxels, grid = read_image(path)
    mask = voxels > 0.5
    if not mask.any():
        raise RegionError(
            "The lesion mask is empty.",
            case=case_id,
            file=path,
            expected="at least one voxel above 0.5",
            got=f"0 of {mask.size} voxels",
            remedy="Draw the lesion again, or take the case out of cases.csv.",
        )
    start, stop = bounding_box(mask)
    z, y, x = (mm * (b - a) for mm, a, b in zip(grid.spacing, start, stop, strict=True))
    return z, y, x
