"""What ITK hides when it reads NIfTI: it pads truncated files with 0 and turns NaN into 0.

So the bytes of a NIfTI file are streamed once more here, a megabyte at a time. Layout of the
header: NIfTI-1 (348 bytes) and NIfTI-2 (540 bytes), https://nifti.nimh.nih.gov.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from ricenet_v2.core.failures import reason_of
from ricenet_v2.fingerprinting.checks_nifti_pose import HEADER_BYTES, check_pose
from ricenet_v2.fingerprinting.checks_voxels import not_finite
from ricenet_v2.fingerprinting.findings import Place, error
from ricenet_v2.records.integrity import Finding

_CHUNK = 1 << 20
_FARTHEST = 1 << 40
_FLOATS = {16: "f4", 64: "f8"}


@dataclass(frozen=True)
class _Layout:
    """Where the voxels lie in the file, and their number format (None unless floating)."""

    offset: int
    n_voxels: int
    bytes_per_voxel: int
    floats: np.dtype[np.floating] | None


def is_nifti(path: Path) -> bool:
    """Whether the file's name says NIfTI in one file."""
    return path.name.endswith((".nii", ".nii.gz"))


def check_nifti(path: Path, place: Place) -> list[Finding]:
    """Truncated voxels, voxels that are not finite, and two poses that disagree.

    Args:
        path: A NIfTI file that ITK can open.
        place: Case and file.
    """
    try:
        with _opened(path) as stream:
            header = stream.read(HEADER_BYTES)
            layout = _layout(header)
            if layout is None:
                return []
            stream.seek(layout.offset)
            missing, n_nan, n_infinite = _scan(stream, layout)
    except (EOFError, OSError, zlib.error) as fault:
        return [_truncated(place, f"the compressed stream is damaged: {fault}")]
    except Exception as fault:  # noqa: BLE001 - headers hold anything
        return [_truncated(place, f"its header is damaged: {reason_of(fault)}")]
    if missing > 0:
        return [_truncated(place, f"{missing} bytes of voxels are missing")]
    if n_nan or n_infinite:
        return [not_finite(place, n_nan, n_infinite, layout.n_voxels)]
    return check_pose(header, place)


def _truncated(place: Place, found: str) -> Finding:
    return error(
        "unreadable file",
        place,
        found=found,
        expected="a whole file",
        remedy="Copy the file again; its end is cut off or its content damaged.",
    )


def _opened(path: Path) -> BufferedIOBase:
    with path.open("rb") as stream:
        is_compressed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_compressed else path.open("rb")


def _layout(header: bytes) -> _Layout | None:
    """Parse the header; None where it is neither NIfTI-1 nor NIfTI-2."""
    for order in "<>":
        if len(header) < HEADER_BYTES // 2:
            return None
        (size,) = struct.unpack_from(f"{order}i", header, 0)
        if size == 348:
            sizes = struct.unpack_from(f"{order}8h", header, 40)
            code, bits = struct.unpack_from(f"{order}2h", header, 70)
            (offset,) = struct.unpack_from(f"{order}f", header, 108)
        elif size == 540:
            code, bits = struct.unpack_from(f"{order}2h", header, 12)
            sizes = struct.unpack_from(f"{order}8q", header, 16)
            (offset,) = struct.unpack_from(f"{order}q", header, 168)
        else:
            continue
        floats = np.dtype(order + _FLOATS[code]) if code in _FLOATS else None
        if not 0 <= offset < _FARTHEST:
            raise ValueError(f"the voxels begin at byte {offset:g} (vox_offset)")
        return _Layout(int(offset), math.prod(sizes[1 : sizes[0] + 1]), bits // 8, floats)
    return None


def _scan(stream: BufferedIOBase, layout: _Layout) -> tuple[int, int, int]:
    """Missing bytes, NaN voxels and infinite voxels."""
    left = layout.n_voxels * layout.bytes_per_voxel
    n_nan = n_infinite = 0
    while left > 0:
        chunk = stream.read(min(_CHUNK, left))
        if not chunk:
            break
        left -= len(chunk)
        if layout.floats is not None:
            whole = len(chunk) - len(chunk) % layout.bytes_per_voxel
            values = np.frombuffer(chunk[:whole], dtype=layout.floats)
            n_nan += int(np.count_nonzero(np.isnan(values)))
            n_infinite += int(np.count_nonzero(np.isinf(values)))
    return left, n_nan, n_infinite
