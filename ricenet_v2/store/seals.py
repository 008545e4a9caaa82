"""A hash of a zip archive in its own comment: a damaged file is recognised wherever it is copied.

Checkpoints are zip archives, whose members have checksums that torch does not compare. The comment
at the end of an archive may hold any text and hinders no reader; here it is the SHA-256 of all
bytes before it.
"""

from __future__ import annotations

import hashlib
import os
import struct
from pathlib import Path
from typing import BinaryIO, Literal

_PREFIX = b"ricenet_v2 sha256 "
_LENGTH = len(_PREFIX) + 64
_END = b"PK\x05\x06"
_END_BYTES = 22
"""The last record of an archive, which ends with the length of the comment (APPNOTE.TXT 4.3.16)."""
_AT_ONCE = 1 << 20

Seal = Literal["whole", "damaged", "none"]


def seal(path: Path) -> None:
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
    with path.open("rb") as stream:
        digest = _digest(stream, size)
    with path.open("ab") as stream:
        stream.write(_PREFIX + digest)


def state_of(path: Path) -> Seal:
    """Whether an archive is as it was sealed.

    Returns:
        `none` of a file that was never sealed: of another program, or of an older version.
    """
    with path.open("rb") as stream:
        return state_in(stream)


def state_in(stream: BinaryIO) -> Seal:
    """As `state_of`, of a file that is open."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(max(0, size - _LENGTH - _END_BYTES))
    tail = stream.read()
    at = tail.rfind(_END)
    end = tail[max(0, at) :][:_END_BYTES]
    is_announced = at >= 0 and end[-2:] == struct.pack("<H", _LENGTH)
    if not is_announced and _PREFIX not in tail:
        return "none"
    is_whole = is_announced and tail[_END_BYTES:] == _PREFIX + _digest(stream, size - _LENGTH)
    return "whole" if is_whole else "damaged"


def _digest(stream: BinaryIO, size: int) -> bytes:
    """Hexadecimal digits of the SHA-256 of the first bytes."""
    digest, left = hashlib.sha256(), size
    stream.seek(0)
    while left and (chunk := stream.read(min(left, _AT_ONCE))):
        digest.update(chunk)
        left -= len(chunk)
    return digest.hexdigest().encode()
