"""ingest.json: from a raw dataset to its preprocessed cases, and from there into models."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.records.ingest import IngestSettings


def read_settings(path: Path) -> IngestSettings | None:
    """Settings of the conversion of a dataset; None if there is no such file.

    Raises:
        DocumentError: It is damaged, or of a newer version.
    """
    return documents.read(IngestSettings, path) if path.exists() else None


def carry_settings(source: Path, target: Path) -> None:
    """Write what stands in one file into another; without the one, the other stays as it is.

    Raises:
        DocumentError: It is damaged, or of a newer version.
    """
    settings = read_settings(source)
    if settings is not None and settings != _readable(target):
        documents.write(target, settings)


def drop_other_settings(source: Path, target: Path) -> None:
    """Delete the second file where it does not say what the first does, or there is no first.

    Raises:
        DocumentError: The first is damaged, or of a newer version.
    """
    settings = read_settings(source)
    if settings is None or settings != _readable(target):
        target.unlink(missing_ok=True)


def _readable(path: Path) -> IngestSettings | None:
    try:
        return read_settings(path)
    except DocumentError:
        return None
