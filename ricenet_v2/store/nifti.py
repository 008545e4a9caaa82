"""The header of a NIfTI file, of which ITK shows only its own interpretation.

Layout: NIfTI-1, https://nifti.nimh.nih.gov. ITK does not read NIfTI-2.
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

from ricenet_v2.core import regular
from ricenet_v2.core.types import Floats

HEADER_BYTES = 348
_NIFTI_2 = 540
_FARTHEST = 1 << 40
_FLOATS = {16: "f4", 64: "f8"}
_BYTES = {
    code: size
    for size, codes in {
        1: (2, 256),
        2: (4, 512),
        3: (128,),
        4: (8, 16, 768, 2304),
        8: (32, 64, 1024, 1280),
        16: (1536, 1792),
        32: (2048,),
    }.items()
    for code in codes
}
"""Bytes of a voxel by the code of its number format; `bitpix` says the same, but ITK ignores
it. With another code, and without voxels, ITK writes to stderr by itself."""
_FIELDS = {
    "sizes": ("8h", 40),
    "kind": ("2h", 70),
    "steps": ("8f", 76),
    "offset": ("f", 108),
    "scale": ("2f", 112),
    "units": ("B", 123),
    "codes": ("2h", 252),
    "quaternion": ("6f", 256),
    "rows": ("12f", 280),
}
_MM = {0: 1.0, 1: 1000.0, 2: 1.0, 3: 0.001}
"""Millimetres of a unit of length; where it is not said, mm."""
_VOXELS_FROM = 352
"""Bytes of header and of the note whether more follows it, in one file with the voxels."""
_MAGIC_AT, _SINGLE, _PAIR = 344, b"n+1", b"ni1"


@dataclass(frozen=True)
class NiftiHeader:
    """Content of a header; axes in the order of the file, x, y, z.

    Attributes:
        is_nifti: Whether it says that it is NIfTI; Analyze has the same length.
        sizes: Number of axes, then voxels along each.
        steps: `pixdim`: sign of the third axis of the qform, then the size of a voxel.
        codes: Codes of qform and sform; one above 0 is set.
        quaternion: Quaternion of the qform, three numbers, then its offset.
        rows: Rows of the sform, shape (3, 4).
        scale: `scl_slope` and `scl_inter`.
        to_mm: Millimetres of its unit of length.
        offset: Bytes before the voxels in their file.
        bytes_per_voxel: Bytes of a stored voxel.
        floats: Number format where that is floating, else None.
    """

    is_nifti: bool
    sizes: tuple[int, ...]
    steps: Floats
    codes: tuple[int, int]
    quaternion: Floats
    rows: Floats
    scale: tuple[float, float]
    to_mm: float
    offset: int
    bytes_per_voxel: int
    floats: np.dtype[np.floating] | None

    @property
    def n_voxels(self) -> int:
        """Voxels of all axes."""
        return math.prod(self.sizes[1 : self.sizes[0] + 1])

    @property
    def n_axes(self) -> int:
        """Number of axes, without those of one voxel behind the third, as ITK counts them."""
        sizes = self.sizes[1 : self.sizes[0] + 1]
        return max((n for n, size in enumerate(sizes, 1) if n <= 3 or size > 1), default=0)


def opened(path: Path) -> BufferedIOBase:
    """A file, unpacked where it is packed by gzip, whatever its ending says."""
    with regular.opened(path) as stream:
        is_packed = stream.read(2) == b"\x1f\x8b"
    return gzip.open(path, "rb") if is_packed else regular.opened(path)


def read_header(path: Path, *, single: bool) -> NiftiHeader:
    """Read the header of a file, in either byte order.

    Args:
        path: Path of the header.
        single: Whether the voxels stand in the same file.

    Raises:
        ValueError: It has none, or one that cannot be.
        OSError: It cannot be read.
    """
    try:
        with opened(path) as stream:
            content = stream.read(HEADER_BYTES)
    except (EOFError, zlib.error) as error:
        raise ValueError(f"the compressed stream is damaged: {error}") from error
    if isinstance(stream, gzip.GzipFile) and not path.name.lower().endswith(".gz"):
        raise ValueError("it is compressed, and its name does not say so: let it end in .gz")
    return parse(content, single=single)


def parse(content: bytes, *, single: bool) -> NiftiHeader:
    """The same as `read_header`, from the first `HEADER_BYTES` bytes.

    Raises:
        ValueError: No header, or one that cannot be.
    """
    for order in "<>":
        size = struct.unpack_from(f"{order}i", content.ljust(4, b"\0"))[0]
        if size == _NIFTI_2:
            raise ValueError("it is NIfTI-2, expected NIfTI-1: convert it")
        if size == HEADER_BYTES and len(content) >= size:
            return _parsed(content, order, single=single)
    raise ValueError("it does not begin with a header of NIfTI")


def _parsed(content: bytes, order: str, *, single: bool) -> NiftiHeader:
    values = {
        name: struct.unpack_from(order + form, content, start)
        for name, (form, start) in _FIELDS.items()
    }
    magic, start = content[_MAGIC_AT:][:3], values["offset"][0]
    least = _VOXELS_FROM if single else 0
    is_nifti = magic in (_SINGLE, _PAIR)
    if is_nifti and (magic == _SINGLE) != single:
        raise ValueError(
            f"magic is {magic.decode()}, expected n+1 of voxels in the same file and ni1 of others"
        )
    if is_nifti and not (least <= start < _FARTHEST and start == int(start)):
        raise ValueError(f"vox_offset is {start:g}, expected a whole number from {least}")
    code, _ = values["kind"]
    if code not in _BYTES:
        raise ValueError(f"its number format (datatype) is {code}, which NIfTI-1 does not have")
    n_axes, *sizes = values["sizes"]
    if not 1 <= n_axes <= 7 or min(sizes[:n_axes]) < 1:
        raise ValueError(f"its axes (dim) are {', '.join(map(str, values['sizes']))}")
    unit = values["units"][0] & 7
    if unit not in _MM:
        raise ValueError(f"its unit of length (xyzt_units) is {unit}, which NIfTI-1 does not have")
    return NiftiHeader(
        is_nifti=is_nifti,
        sizes=values["sizes"],
        steps=np.array(values["steps"]),
        codes=(values["codes"][0], values["codes"][1]),
        quaternion=np.array(values["quaternion"]),
        rows=np.array(values["rows"]).reshape(3, 4),
        scale=(values["scale"][0], values["scale"][1]),
        to_mm=_MM[unit],
        offset=int(start) if is_nifti else 0,
        bytes_per_voxel=_BYTES[code],
        floats=np.dtype(order + _FLOATS[code]) if code in _FLOATS else None,
    )
