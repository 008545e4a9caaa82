"""How much memory the cases of a dataset need, from the headers alone."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.fingerprinting.workers import BYTES_PER_VOXEL
from ricenet_v2.records.dataset import Case
from ricenet_v2.store.images import read_grid
from ricenet_v2.store.raw import RawDataset


def bytes_of_case(raw: RawDataset, cases: Sequence[Case], copies: int) -> int:
    """Bytes of the largest case; files that are missing or unreadable count as nothing.

    Args:
        raw: The dataset.
        cases: Those that will be opened.
        copies: Arrays of the size of one image in float32 that are held at the same time.
    """
    paths = [path for case in cases for path in raw.images(case)]
    return max(map(_voxels, paths), default=0) * BYTES_PER_VOXEL * copies


def _voxels(path: Path) -> int:
    try:
        return math.prod(read_grid(path).shape)
    except (RicenetError, RuntimeError, OSError, ValueError):
        return 0
