"""Faults in the bytes of an image that ITK hides.

It pads truncated voxels, turns NaN of NIfTI into 0, and reads damaged compressed voxels without
comparing their checksum. So the bytes are streamed once more here, a megabyte at a time, and the
checksum of gzip or zlib is compared. What is not compressed has none, and only its length
can be judged.
"""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from io import BufferedIOBase
from pathlib import Path

import numpy as np

from ricenet_v2.core import regular
from ricenet_v2.store import image_files
from ricenet_v2.store.image_sizes import Claim
from ricenet_v2.store.nifti import opened, read_header
from ricenet_v2.store.text_headers import TextHeader, meta_header, nrrd_header

_CHUNK = 1 << 20
_ANY_WRAPPING = 47
"""Window bits by which zlib takes zlib and gzip alike."""


@dataclass(frozen=True)
class VoxelScan:
    """Observations on the voxels of an image.

    Attributes:
        missing: Bytes that the header claims and the file does not have.
        n_nan: Voxels that are NaN, as far as the format hides them from ITK.
        n_infinite: The same of infinite ones.
        n_voxels: Number of voxels of the image.
    """

    missing: int
    n_nan: int = 0
    n_infinite: int = 0
    n_voxels: int = 0

    @property
    def fault(self) -> str:
        """The fault in words; empty where there is none."""
        if self.missing > 0:
            return f"{self.missing} bytes of voxels are missing"
        if self.n_nan or self.n_infinite:
            return f"{self.n_nan} NaN and {self.n_infinite} infinite of {self.n_voxels} voxels"
        return ""


def scan_content(path: Path, claim: Claim) -> VoxelScan:
    """Stream the voxels of an image.

    Args:
        path: Path of the image.
        claim: Claims of its header.

    Raises:
        ValueError: A checksum is another, compressed voxels cannot be unpacked, or there are more
            than the header claims; in words.
        OSError: A file cannot be read.
    """
    kind = image_files.format_of(path)
    try:
        if kind in ("nifti", "nifti pair"):
            return _nifti(*(image_files.pair(path) if kind == "nifti pair" else (path, path)))
        return _meta(path, claim) if kind == "meta" else _nrrd(path, claim)
    except (EOFError, OSError, zlib.error) as error:
        if isinstance(error, OSError) and error.errno is not None:  # not of gzip
            raise
        raise ValueError(f"the compressed stream is damaged: {error}") from error


def _nifti(header_file: Path, voxels: Path) -> VoxelScan:
    header = read_header(header_file, single=header_file == voxels)
    claimed = left = header.n_voxels * header.bytes_per_voxel
    n_nan = n_infinite = 0
    with opened(voxels) as stream:
        stream.seek(header.offset)
        while left > 0 and (chunk := stream.read(min(_CHUNK, left))):
            left -= len(chunk)
            if header.floats is not None:
                whole = len(chunk) - len(chunk) % header.bytes_per_voxel
                values = np.frombuffer(chunk[:whole], dtype=header.floats)
                n_nan += int(np.count_nonzero(np.isnan(values)))
                n_infinite += int(np.count_nonzero(np.isinf(values)))
        # The checksum is compared at the end.
        if left <= 0 and stream.read(1):
            raise ValueError(
                f"the file holds more than the {claimed:,} bytes of voxels that its header says"
            )
    return VoxelScan(left, n_nan, n_infinite, header.n_voxels)


def _meta(path: Path, claim: Claim) -> VoxelScan:
    (file,) = claim.files
    start = _start(path, file, meta_header(path))
    if claim.ratio == 1:
        return _plain(file.stat().st_size - start, claim.numbers)
    with regular.opened(file) as stream:
        stream.seek(start)
        return _counted(_inflated(stream), claim.numbers)


def _nrrd(path: Path, claim: Claim) -> VoxelScan:
    (file,) = claim.files
    start = _start(path, file, nrrd_header(path))
    if claim.ratio == 1:
        return _plain(file.stat().st_size - start, claim.numbers)
    with regular.opened(file) as stream:
        stream.seek(start)
        with gzip.open(stream) as content:
            return _counted(iter(lambda: content.read(_CHUNK), b""), claim.numbers)


def _start(path: Path, file: Path, header: TextHeader) -> int:
    if file != path:
        return 0
    if header.end is None:
        raise ValueError("its header has no end")
    return header.end


def _plain(length: int, claimed: int) -> VoxelScan:
    """Voxels that are not compressed: only their length shows that they differ."""
    if length > claimed:
        raise ValueError(f"the file holds {length:,} bytes of voxels, the header says {claimed:,}")
    return VoxelScan(max(0, claimed - length))


def _counted(chunks: Iterator[bytes], claimed: int) -> VoxelScan:
    length = 0
    for chunk in chunks:
        length += len(chunk)
        if length > claimed:
            raise ValueError(
                f"the file holds more than the {claimed:,} bytes of voxels that its header says"
            )
    return VoxelScan(claimed - length)


def _inflated(stream: BufferedIOBase) -> Iterator[bytes]:
    """A stream of zlib or gzip up to its checksum, which zlib compares, and the end of the file."""
    unpacker = zlib.decompressobj(_ANY_WRAPPING)
    while not unpacker.eof:
        packed = unpacker.unconsumed_tail or stream.read(_CHUNK)
        chunk = unpacker.decompress(packed, _CHUNK)
        if not (packed or chunk):
            raise EOFError("its end is cut off")
        yield chunk
    if unpacker.unused_data or stream.read(1):
        raise ValueError("there is data after the compressed voxels")
