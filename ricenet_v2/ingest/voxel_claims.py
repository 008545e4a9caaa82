"""Comparison of a DICOM header's claims with the bytes of its voxels, before decoding."""

from __future__ import annotations

from pathlib import Path

from pydicom.dataset import Dataset as Attributes

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest import reading
from ricenet_v2.store.sizes import UNKNOWN, check_size


def check_claim(attributes: Attributes, frames: int, file: Path) -> None:
    """Refuse voxels that the file cannot hold.

    Args:
        attributes: Read with voxels.
        frames: Expected number of frames.
        file: File for messages.

    Raises:
        DatasetError: None, fewer than claimed, another number of frames, or an odd number format.
    """
    sizes = [reading.integer(attributes, name) or 0 for name in ("Rows", "Columns")]
    samples = reading.integer(attributes, "SamplesPerPixel") or 1
    bits = reading.integer(attributes, "BitsAllocated") or 0
    stored = reading.integer(attributes, "NumberOfFrames") or 1
    if min(sizes) < 1 or samples < 1 or bits not in {8, 16, 32} or stored != frames:
        raise DatasetError(
            "The header of the pixel data is invalid.",
            file=file,
            expected=f"rows, columns, 8, 16 or 32 bits of a voxel, {frames} frames",
            got=f"{sizes[0]} rows, {sizes[1]} columns, {bits} bits, {stored} frames",
            remedy="Export it again.",
        )
    content = reading.value(attributes, "PixelData")
    length = len(content) if isinstance(content, bytes) else 0
    if not length:
        raise DatasetError("This file has no pixel data.", file=file, remedy="Export it again.")
    claimed = sizes[0] * sizes[1] * samples * stored * bits // 8
    try:
        check_size(claimed, length, UNKNOWN if reading.is_compressed(attributes) else 1)
    except ValueError as error:
        raise DatasetError(
            "This file has fewer voxels than its header claims.",
            file=file,
            got=error,
            remedy="It was cut off: export it again.",
        ) from None
