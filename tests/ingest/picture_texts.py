"""What of a picture can hold a text."""


def without_pixels(png: bytes) -> bytes:
    """Chunks of a PNG but those of compressed pixels, which hold any three letters by chance."""
    chunks, at = b"", 8
    while at < len(png):
        end = at + 8 + int.from_bytes(png[at : at + 4], "big")
        chunks += b"" if png[at + 4 : at + 8] == b"IDAT" else png[at + 4 : end]
        at = end + 4
    return chunks
