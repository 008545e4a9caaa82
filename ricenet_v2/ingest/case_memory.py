"""Memory that the conversion of a case takes, estimated before a file is opened.

Measured by `python -m benchmarks.ingest`, whose table a test holds against this estimate.
"""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.core.memory import BYTES_PER_VOXEL
from ricenet_v2.ingest import brain_deepbet
from ricenet_v2.ingest.case_inputs import CaseInputs, ImageSource
from ricenet_v2.ingest.convert_options import ConvertOptions
from ricenet_v2.store.images import read_grid

_BESIDE_CHANNELS = 3
"""Images of the reference's size beside the channels: masks, and copies while it is registered."""
_OF_AN_IMAGE = 5
"""Images of the size of one that is read and registered: bytes of its files, voxels, copies."""
_OF_A_DOSE = 12
"""Bytes for each byte of its files, of 16 bits a voxel; those of 32 bits need 7."""


def bytes_of_case(inputs: CaseInputs, options: ConvertOptions | None = None) -> int:
    """Bytes that the conversion of a case may take at most, beside those of its process.

    Files that cannot be read count 0: they end in an error before anything is large.

    Args:
        inputs: Inputs of the case.
        options: Say what makes the mask of the brain.
    """
    channels = len(inputs.images) + bool(inputs.plans) + _BESIDE_CHANNELS
    images = [_voxels(image) for image in (*inputs.images, *inputs.planning_cts)]
    files = [file for plan in inputs.plans for dose in plan.doses for file in dose]
    doses = _OF_A_DOSE * sum(map(_size, files))
    if any(plan.is_image for plan in inputs.plans):
        doses = BYTES_PER_VOXEL * _OF_AN_IMAGE * sum(map(_voxels_of_file, files))
    is_masked = options is not None and options.brain_mask == "deepbet" and inputs.brain is None
    of_masks = brain_deepbet.BYTES if is_masked else 0
    once = [BYTES_PER_VOXEL * _OF_AN_IMAGE * max(images, default=0), doses]
    whole = BYTES_PER_VOXEL * (channels * (images[0] if images else 0) + sum(images[1:]))
    return of_masks + whole + max(once)


def _voxels(image: ImageSource) -> int:
    if image.series is not None:
        first = image.series.first
        # All frames of a file are read, also where it holds several volumes.
        slices = sum(header.n_frames for header in image.series.headers)
        return slices * first.rows * first.columns
    return 0 if image.file is None else _voxels_of_file(image.file)


def _voxels_of_file(file: Path) -> int:
    with suppress(OSError, RicenetError):
        return math.prod(read_grid(file).shape)
    return 0


def _size(file: Path) -> int:
    with suppress(OSError):
        return file.stat().st_size
    return 0
