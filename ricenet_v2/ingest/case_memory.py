"""How much memory the conversion of a case takes, from what is known before a file is opened.

Measured by `python -m benchmarks.ingest`, whose table a test holds against this estimate.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.memory import BYTES_PER_VOXEL
from ricenet_v2.ingest.case_inputs import CaseInputs, ImageSource
from ricenet_v2.store.images import read_grid

_BESIDE_CHANNELS = 3
"""Images of the reference's size beside the channels: masks, and copies while it is registered."""
_OF_AN_IMAGE = 5
"""Images of the size of one that is read and registered: bytes of its files, voxels, copies."""
_OF_A_DOSE = 12
"""Bytes for each byte of its files, of 16 bits a voxel; those of 32 bits need 7."""


def bytes_of_case(inputs: CaseInputs) -> int:
    """Bytes that the conversion of a case may take at most, beside those of its process.

    Files that cannot be read count 0: they end in an error before anything is large.
    """
    channels = len(inputs.images) + bool(inputs.plans) + _BESIDE_CHANNELS
    images = [_voxels(image) for image in (*inputs.images, *inputs.planning_cts)]
    doses = [sum(map(_size, files)) for plan in inputs.plans for files in plan.doses]
    once = [BYTES_PER_VOXEL * _OF_AN_IMAGE * max(images, default=0), _OF_A_DOSE * sum(doses)]
    return BYTES_PER_VOXEL * channels * (images[0] if images else 0) + max(once)


def _voxels(image: ImageSource) -> int:
    if image.series is not None:
        first = image.series.first
        slices = sum(len(header.positions) for header in image.series.headers)
        return slices * first.rows * first.columns
    with suppress(OSError, RicenetError):
        if image.file is not None:
            z, y, x = read_grid(image.file).shape
            return z * y * x
    return 0


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0
