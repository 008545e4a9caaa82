"""Parts of the patient that attribution is counted in."""

from __future__ import annotations

from scipy import ndimage

from ricenet_v2.core.types import Image, Mask, Triple
from ricenet_v2.records.region import BRAIN_MASK, HEAD, NON_ZERO, WHOLE_IMAGE

BANDS = ((0, 20), (20, 50), (50, 80), (80, 95), (95, None))
"""Isodose levels in percent of the prescribed dose."""
RING_MM = 10.0
_OUTSIDE = "outside the "
OUTSIDE, LESION, RING = f"{_OUTSIDE}brain", "lesion", f"ring of {RING_MM:g} mm around the lesion"


def outside_of(region: str) -> str:
    """Description of what lies outside the region of a case; empty if nothing does.

    Args:
        region: Region of the crop, see `records.cases.PreprocessedCase`. Around a lesion the head
            counts, which goes beyond the crop.
    """
    if region == WHOLE_IMAGE:
        return ""
    return {BRAIN_MASK: OUTSIDE, NON_ZERO: f"{_OUTSIDE}{NON_ZERO}"}.get(region, f"{_OUTSIDE}{HEAD}")


def is_outside(part: str) -> bool:
    """Whether a part is what lies outside of a region."""
    return part.startswith(_OUTSIDE)


def band_name(low: int, high: int | None) -> str:
    """`dose 20 to 50 %`, `dose above 95 %`."""
    return f"dose above {low} %" if high is None else f"dose {low} to {high} %"


def ring_of(lesion: Mask, step: Triple, reach_mm: float = RING_MM) -> Mask:
    """Voxels whose centres lie within `reach_mm` of one of the lesion's, without the lesion.

    Args:
        lesion: Axes (z, y, x), at least one voxel.
        step: mm along (z, y, x).
        reach_mm: Distance in mm.
    """
    away = ndimage.distance_transform_edt(~lesion, sampling=step)
    ring: Mask = (away <= reach_mm) & ~lesion
    return ring


def parts_of(
    brain: Mask,
    dose: Image | None,
    full: float | None,
    lesion: Mask | None,
    step: Triple,
    outside: str = OUTSIDE,
) -> dict[str, Mask]:
    """Masks of the parts, by name; bands lie inside the region, and with `outside` fill the image.

    Args:
        brain: The region, axes (z, y, x).
        dose: Gy, same axes; None without.
        full: 100 % in Gy.
        lesion: Same axes.
        step: mm along (z, y, x).
        outside: Name of what lies outside of the region; empty where that is nothing.
    """
    parts: dict[str, Mask] = {}
    if dose is not None and full is not None:
        for low, high in BANDS:
            inside = brain & (dose < full * high / 100 if high is not None else True)
            parts[band_name(low, high)] = inside & (dose >= full * low / 100 if low else True)
    if lesion is not None and lesion.any():
        parts[LESION] = lesion
        ring = ring_of(lesion, step)
        parts |= {RING: ring} if ring.any() else {}  # voxels may be larger than its reach
    return {**parts, outside: ~brain} if outside else parts
