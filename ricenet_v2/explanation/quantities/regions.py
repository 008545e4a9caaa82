"""Parts of the patient that attribution is counted in."""

from __future__ import annotations

from scipy import ndimage

from ricenet_v2.core.types import Image, Mask, Triple

BANDS = ((0, 20), (20, 50), (50, 80), (80, 95), (95, None))
"""Isodose levels in percent of the prescribed dose."""
RING_MM = 10.0
OUTSIDE, LESION, RING = "outside the brain", "lesion", f"ring of {RING_MM:g} mm around the lesion"


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
    brain: Mask, dose: Image | None, full: float | None, lesion: Mask | None, step: Triple
) -> dict[str, Mask]:
    """Masks of the parts, by name; bands lie inside the brain, and with `outside` fill the image.

    Args:
        brain: Axes (z, y, x).
        dose: Gy, same axes; None without.
        full: 100 % in Gy.
        lesion: Same axes.
        step: mm along (z, y, x).
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
    return {**parts, OUTSIDE: ~brain}
