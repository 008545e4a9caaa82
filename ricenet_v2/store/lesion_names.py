"""Names of cases that are single lesions: IMAGE_l1, IMAGE_l2 ..."""

from __future__ import annotations

import re
from pathlib import Path

from ricenet_v2.store.raw import mask_path

_LESION = re.compile(r"(.+)_l([0-9]+)", re.DOTALL)
LESION = "lesion"


def lesion_case(image_id: str, number: int) -> str:
    """Id of the case of a lesion."""
    return f"{image_id}_l{number}"


def image_of(case_id: str) -> str:
    """Id of the image of a lesion; the case itself where it is called otherwise."""
    match = _LESION.fullmatch(case_id)
    return match[1] if match else case_id


def number_of(case_id: str) -> int | None:
    """Number of a lesion in its image; None where the case is called otherwise."""
    match = _LESION.fullmatch(case_id)
    return int(match[2]) if match else None


def lesion_masks(masks: Path, image_id: str, ending: str) -> dict[str, Path]:
    """Masks of the single lesions of an image, by case, in the order of their numbers."""
    end = f"_{LESION}{ending}"
    names = (path.name.removesuffix(end) for path in masks.glob(f"*{end}"))
    cases = [name for name in names if image_of(name) == image_id and name != image_id]
    ordered = sorted(cases, key=lambda case: (number_of(case) or 0, case))
    return {case: mask_path(masks, case, LESION, ending) for case in ordered}
