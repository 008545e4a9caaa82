"""Memory that the cases of a dataset need, from the headers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence

from ricenet_v2.core.memory import BYTES_PER_VOXEL
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.images import readable_grid
from ricenet_v2.store.raw import RawDataset


def bytes_of_case(
    raw: RawDataset, cases: Sequence[Case], copies: int, seconds: float | None = None
) -> int:
    """Bytes of the largest case; files that are missing or unreadable count as nothing.

    Args:
        raw: The dataset.
        cases: Cases that will be opened.
        copies: Arrays of the size of one image in float32 that are held at the same time.
        seconds: Time in seconds that reading a header may take; None for no limit.
    """
    grids = [readable_grid(path, seconds) for case in cases for path in raw.images(case)]
    largest = max((math.prod(grid.shape) for grid in grids if grid is not None), default=0)
    return largest * BYTES_PER_VOXEL * copies
