"""Dose statistics of a region, and how far it lies from isodoses."""

from __future__ import annotations

import logging

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from ricenet_v2.core.types import Floats, Mask
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.prescription import prescription_of
from ricenet_v2.store.images import read_whole_image
from ricenet_v2.store.raw import RawDataset

logger = logging.getLogger(__name__)

NAMES = ("Dmean", "D2", "D98", "V50", "V57", "V60", "distance_95", "distance_50")
HIGH_DOSE = 0.8
"""Share of the reference dose from which on a voxel belongs to the high-dose region."""


def statistics(
    dose: NDArray[np.float32],
    spacing: tuple[float, float, float],
    lesion: Mask | None,
    prescription: float | None,
) -> dict[str, float]:
    """The statistics of `NAMES`; NaN where they are not defined.

    Dmean, D2 and D98 in Gy (D2: the dose that the hottest 2 % of the region get at least), V50,
    V57 and V60 as shares of the region that get at least so many Gy, and the distance in mm from
    the 95 % and 50 % isodose, positive inside, as the mean over the region.

    Args:
        dose: Gy, axes (z, y, x).
        spacing: mm along (z, y, x).
        lesion: Mask, axes (z, y, x); the high-dose region is taken where None.
        prescription: Prescription in Gy; None takes the 99.9 percentile of the dose.
    """
    reference = prescription or float(np.percentile(dose, 99.9))
    region = dose >= HIGH_DOSE * reference if lesion is None else lesion
    if not region.any():
        return dict.fromkeys(NAMES, np.nan)
    inside = dose[region].astype(np.float64)
    values = {
        "Dmean": float(inside.mean()),
        "D2": float(np.percentile(inside, 98)),
        "D98": float(np.percentile(inside, 2)),
    }
    values |= {f"V{level}": float(np.mean(inside >= level)) for level in (50, 57, 60)}
    values |= {
        f"distance_{share}": float(np.mean(depth(dose >= share / 100 * reference, spacing)[region]))
        for share in (95, 50)
    }
    return values


def depth(volume: Mask, spacing: tuple[float, float, float]) -> Floats:
    """Distance in mm from the border of a volume, positive inside; NaN where it has no border."""
    if volume.all() or not volume.any():
        return np.full(volume.shape, np.nan)
    inside = np.asarray(ndimage.distance_transform_edt(volume, spacing))
    outside = np.asarray(ndimage.distance_transform_edt(~volume, spacing))
    # Voxel centres lie half a voxel from the border between them.
    half = min(spacing) / 2
    distance: Floats = np.where(volume, inside - half, half - outside)
    return distance


def statistics_of_case(raw: RawDataset, case: Case, *, has_lesions: bool) -> dict[str, float]:
    """Statistics of every dose channel of a case, named `<channel> <statistic>`.

    Those of a dose that the case lacks are NaN.
    """
    path = raw.mask(case, "lesion") if has_lesions else None
    lesion = None if path is None else read_whole_image(path)[0] > 0.5
    prescription = prescription_of(case.covariates)
    values: dict[str, float] = {}
    absent = raw.absent(case)
    for index, (channel, image) in enumerate(
        zip(raw.dataset.channels, raw.images(case), strict=True)
    ):
        if not KINDS[channel.kind].is_dose:
            continue
        if index in absent:
            logger.warning("%s lacks %s, whose statistics are imputed.", case.case_id, channel.name)
            channel_values = dict.fromkeys(NAMES, np.nan)
        else:
            dose, grid = read_whole_image(image)
            channel_values = statistics(dose, grid.spacing, lesion, prescription)
        values |= {f"{channel.name} {name}": value for name, value in channel_values.items()}
    return values
