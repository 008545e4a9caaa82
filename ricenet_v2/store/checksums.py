"""A checksum of a zip archive in its own comment: a damaged file is recognised wherever it is.

Checkpoints are zip archives, whose members have checksums that torch does not compare. The comment
at the end of an archive may hold any text and hinders no reader; here it is the SHA-256 of all
bytes before it.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import BinaryIO, Literal

_PREFIX = b"ricenet_v2 sha256 "
_LENGTH = len(_PREFIX) + 64
_END = b"PK\x05\x06"
_END_BYTES = 22
"""The last record of an archive, which ends with the length of the comment (APPNOTE.TXT 4.3.16)."""
_LONGEST_TAIL = _LENGTH + _END_BYTES + 0xFFFF
"""Readers look for that record so far before the end of a file, whatever follows it."""
_AT_ONCE = 1 << 20

State = Literal["whole", "damaged", "none"]


def add_checksum(path: Path) -> None:
    """Put the hash of an archive into its comment.

    Raises:
        ValueError: Not a zip archive without a comment.
    """
    size = path.stat().st_size
    with path.open("rb+") as stream:
        stream.seek(max(0, size - _END_BYTES))
        if stream.read(4) != _END:
            raise ValueError(f"{path.name} is no zip archive without a comment.")
        stream.seek(size - 2)
        stream.write(struct.pack("<H", _LENGTH))
        stream.seek(0)
        digest = _digest(stream, size)
        stream.seek(size)
        stream.write(_PREFIX + digest)


def state_of(stream: BinaryIO) -> State:
    """Whether an open archive is as it was when it got its checksum.

    Returns:
        `none` of a file that never got one: of another program, or of an older version.
    """
    size = stream.seek(0, 2)
    stream.seek(max(0, size - _LONGEST_TAIL))
    tail = stream.read()
    end = tail[-_LENGTH - _END_BYTES : -_LENGTH]
    is_announced = end[:4] == _END and end[-2:] == struct.pack("<H", _LENGTH)
    if not is_announced and _PREFIX not in tail and not _announces_a_checksum(tail):
        return "none"
    stream.seek(0)
    right = _PREFIX + _digest(stream, size - _LENGTH)
    return "whole" if is_announced and tail[-_LENGTH:] == right else "damaged"


def _announces_a_checksum(tail: bytes) -> bool:
    """Whether an archive names a comment of this length, wherever the file ends."""
    at = tail.rfind(_END)
    return at >= 0 and tail[at:][_END_BYTES - 2 : _END_BYTES] == struct.pack("<H", _LENGTH)


def _digest(stream: BinaryIO, size: int) -> bytes:
    """Hexadecimal digits of the SHA-256 of the next bytes."""
    digest, left = hashlib.sha256(), size
    while left and (chunk := stream.read(min(left, _AT_ONCE))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode()
