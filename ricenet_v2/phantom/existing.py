"""A cohort that is there already: whether it is the one that would be written."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.records.dataset import Dataset

__all__ = ["check_same"]


def check_same(existing: Dataset, wanted: Dataset, folder: Path) -> None:
    """Refuse another cohort; masks that became channels since make none (`split_lesions`).

    Its name is none of the parameters: folders are renamed, and earlier versions gave all one name.

    Raises:
        DatasetError: Its description differs; the text has each field that does.
    """
    images = tuple(channel for channel in existing.channels if not channel.mask)
    there = dataclasses.replace(existing, channels=images) if images else existing
    names = [
        field.name
        for field in dataclasses.fields(Dataset)
        if field.name != "name" and getattr(there, field.name) != getattr(wanted, field.name)
    ]
    if names:
        raise DatasetError(
            "Another cohort is already there.",
            file=folder,
            expected="; ".join(f"{name} {getattr(wanted, name)}" for name in names),
            got="; ".join(f"{name} {getattr(there, name)}" for name in names),
            remedy="Choose another output folder, or delete this one.",
        )
