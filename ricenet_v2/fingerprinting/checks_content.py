"""Faults that ITK hides when it reads an image: see `store.image_content`."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.core.errors import RicenetError
from ricenet_v2.fingerprinting.checks_voxels import not_finite
from ricenet_v2.fingerprinting.findings import Place, error
from ricenet_v2.records.integrity import Finding
from ricenet_v2.store.image_files import image_files
from ricenet_v2.store.stored_image import StoredImage

DAMAGED = "unreadable file"


def check_content(image: StoredImage, place: Place) -> list[Finding]:
    """Truncated or damaged voxels, and voxels of NIfTI that are not finite.

    Args:
        image: The file.
        place: Case and file.

    Raises:
        RicenetError: The package that reads its format refuses it.
    """
    try:
        seen = image.scan()
    except RicenetError:
        raise
    except (OSError, ValueError) as fault:
        return [_damaged(image.path, place, str(fault))]
    if seen.missing:
        return [_damaged(image.path, place, seen.fault)]
    if seen.n_nan or seen.n_infinite:
        return [not_finite(place, seen.n_nan, seen.n_infinite, seen.n_voxels)]
    return []


def _damaged(path: Path, place: Place, found: str) -> Finding:
    names = " and ".join(file.name for file in image_files(path))
    return error(
        DAMAGED,
        place,
        found=found,
        expected="a whole file",
        remedy=f"Copy {names} again; the end is cut off or the content damaged.",
    )
