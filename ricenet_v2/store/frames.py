"""Blosc2 frames, read as plain arrays: nothing that a frame may hold besides is looked at.

A frame can hold a saved expression or function, or name another file or address, and
`blosc2.open` follows these in versions before 4.14.1. So it is not used: the header is judged
first (https://github.com/Blosc/c-blosc2/blob/main/README_CFRAME_FORMAT.rst), and blosc2 is only
asked for the array in the bytes.
"""

from __future__ import annotations

import hashlib
import math
import os
import struct
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.regular import opened
from ricenet_v2.store.blosc import blosc2
from ricenet_v2.store.sizes import UNKNOWN, check_size

_MAGIC, _LENGTH, _TYPE, _HAS_MORE = slice(2, 10), 16, 26, 68
_HEADER_PIPELINE, _CHUNK_PIPELINE = slice(71, 78), slice(16, 23)
"""Offsets of six filters and a codec in the header of a frame and of a chunk."""
_FIRST_PLUGIN = 32
"""Blosc2 may load codecs and filters from here on from a Python package, which runs it."""
_LEAST_HEADER, _NO, _CONTIGUOUS = 87, 0xC2, 0
Verified = set[tuple[str | int, ...]]
"""Hashes that were right, each with device, inode, size and times of change of its file: training
reads a case in every epoch, and hashing takes as long as reading."""
_VERIFIED: Verified = set()
_DTYPES = (np.dtype("float32"), np.dtype("float16"))


def read_plain_array(
    path: Path,
    shape: Sequence[int] | None = None,
    sha256: str = "",
    verified: Verified | None = None,
) -> NDArray[np.generic]:
    """The array of a frame, float32 or float16.

    Args:
        path: One file.
        shape: Expected shape of the array; any where None.
        sha256: SHA-256 of the file, in hexadecimal digits; not compared if empty.
        verified: Hashes that are not compared again, to which this one is added; those of this
            process where None.

    Raises:
        ValueError: The frame holds anything but a plain array of that shape, claims more than its
            length can hold, or is another one than `sha256` says.
        RuntimeError: The frame is damaged.
        OSError: It cannot be read.
    """
    with opened(path) as stream:
        status, frame = os.fstat(stream.fileno()), stream.read()
    if sha256:
        _check_content(frame, sha256, status, _VERIFIED if verified is None else verified)
    _check_header(frame)
    array = blosc2.ndarray_from_cframe(frame)
    if set(array.schunk.meta) != {"b2nd"} or array.dtype not in _DTYPES:
        named = f"{array.dtype}, {', '.join(map(str, array.schunk.meta))}"
        raise ValueError(f"expected an array of float32 or float16 and nothing else, got {named}")
    if shape is not None and tuple(array.shape) != tuple(shape):
        raise ValueError(f"expected the shape {tuple(shape)} of its JSON, got {array.shape}")
    check_size(math.prod(array.shape) * array.dtype.itemsize, len(frame), UNKNOWN)
    for chunk in array.schunk.iterchunks_info():
        _check_pipeline(chunk.lazychunk[_CHUNK_PIPELINE])
    array.schunk.dparams = blosc2.DParams(nthreads=1)
    return np.asarray(array[:])


def _check_content(frame: bytes, sha256: str, status: os.stat_result, verified: Verified) -> None:
    """Compare the hash, once as long as the file stays the same."""
    # Copies may bring an earlier time of the content along, but not that of the inode.
    times = (status.st_mtime_ns, status.st_ctime_ns)
    key = (sha256, status.st_dev, status.st_ino, status.st_size, *times)
    if key in verified:
        return
    if hashlib.sha256(frame).hexdigest() != sha256:
        raise ValueError("the file holds other bytes than were written")
    verified.add(key)


def _check_header(frame: bytes) -> None:
    if len(frame) < _LEAST_HEADER or frame[_MAGIC] != b"b2frame\0":
        raise ValueError("this is not a Blosc2 frame")
    (length,) = struct.unpack_from(">Q", frame, _LENGTH)
    if length != len(frame):
        raise ValueError(f"the frame has {length:,} bytes, the file {len(frame):,}")
    if frame[_TYPE] != _CONTIGUOUS:
        raise ValueError("the frame names other files")
    if frame[_HAS_MORE] != _NO:
        raise ValueError("the frame holds more than an array, such as a saved expression")
    _check_pipeline(frame[_HEADER_PIPELINE])


def _check_pipeline(codes: bytes) -> None:
    if any(code >= _FIRST_PLUGIN for code in codes):
        raise ValueError(f"the frame needs a plugin to be read (filters and codec {list(codes)})")
