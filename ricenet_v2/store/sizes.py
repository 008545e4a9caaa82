"""Comparison of the claims of a file with its length before anything is allocated."""

from __future__ import annotations

DEFLATE = 1032
"""Bytes that one byte of gzip or zlib can stand for at most (258 bytes in two bits)."""
UNKNOWN = 2000
"""Trusted ratio of other compressions beyond `SMALL`; it has no bound."""
SMALL = 256 * 1024**2
"""Bytes that may always be claimed where the ratio has no bound: constant images."""


def check_size(claimed: int, length: int, ratio: int = 1) -> None:
    """Refuse a claim that a file of this length cannot keep.

    Args:
        claimed: Bytes that the header promises.
        length: Bytes of the file, or of all files of the image.
        ratio: Bytes that one of them can stand for; 1 where nothing is compressed.

    Raises:
        ValueError: The text has both numbers.
    """
    always = SMALL if ratio == UNKNOWN else 0
    if claimed > max(always, length * ratio):
        how = "" if ratio == 1 else f", which can hold {max(always, length * ratio):,} at most"
        raise ValueError(f"the header claims {claimed:,} bytes, the file has {length:,}{how}")
