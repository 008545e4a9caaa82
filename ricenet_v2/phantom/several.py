"""Patients with several lesions: where the further ones lie, and what each of them is."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ricenet_v2.core.types import Mask
from ricenet_v2.phantom.images import PatientImages, Volume
from ricenet_v2.phantom.patient import (
    SPOT_TRIES,
    FurtherLesion,
    LabelModel,
    PhantomPatient,
    draw_recurrence,
    log_odds_of_lesion,
)

GAP_MM, REACH = 6.0, 0.7
"""Gap between lesions, and distance of their centres from that of the head, as a share of it."""
DISTANCE_MM = (4.0, 40.0)
"""Beyond the wall of the cavity."""


@dataclass(frozen=True)
class SimulatedLesion:
    """One lesion of a patient and its hidden truth.

    Attributes:
        mask: Axes (z, y, x).
        relative_dose: Mean dose inside relative to the prescription.
        solidity: Texture.
        growth: Standardised growth.
        is_recurrence: Label.
    """

    mask: Mask
    relative_dose: float
    solidity: float
    growth: float
    is_recurrence: bool


def draw_further(
    patient: PhantomPatient, number: int, random: np.random.Generator
) -> tuple[FurtherLesion, ...]:
    """Lesions beside the first: balls around the cavity inside the brain, apart from each other.

    Raises:
        ValueError: There is no room for so many.
    """
    taken = [(patient.lesion, patient.lesion_radius), *patient.old_spots]
    lesions: list[FurtherLesion] = []
    in_vain = 0
    while len(lesions) < number and in_vain < SPOT_TRIES:
        growth, solidity = float(random.normal()), float(random.normal())
        radius = float(np.clip(10.0 + 3.0 * growth, 6.0, 16.0))
        direction = random.normal(size=3)
        distance = patient.cavity_radius + random.uniform(*DISTANCE_MM)
        direction *= distance / np.linalg.norm(direction)
        z, y, x = (float(v) for v in np.array(patient.cavity) + direction)
        is_inside = float(np.linalg.norm(np.array((z, y, x)) / np.array(patient.head))) <= REACH
        balls = [*taken, *((lesion.centre, lesion.radius) for lesion in lesions)]
        gaps = [
            float(np.linalg.norm(np.array((z, y, x)) - np.array(other))) - reach - radius
            for other, reach in balls
        ]
        in_vain += 1
        if is_inside and min(gaps) > GAP_MM:
            lesions.append(FurtherLesion((z, y, x), radius, solidity, growth))
            in_vain = 0
    if len(lesions) < number:
        raise ValueError(f"The brain has no room for {number} further lesions.")
    return tuple(lesions)


def lesions_of(
    patient: PhantomPatient,
    images: PatientImages,
    model: LabelModel,
    random: np.random.Generator,
) -> list[SimulatedLesion]:
    """Every lesion of a patient that a voxel shows, with a label by its own dose and look."""
    looks = [(patient.solidity, patient.growth)]
    looks += [(lesion.solidity, lesion.growth) for lesion in patient.further]
    simulated = []
    for mask, (solidity, growth) in zip(images.lesions, looks, strict=True):
        relative = float(_mean(images.dose, mask)) / patient.prescription
        margin = patient.target_radius - patient.cavity_radius
        odds = log_odds_of_lesion(relative, margin, solidity, growth, model)
        label = draw_recurrence(odds, random, model)
        if mask.any():
            simulated.append(SimulatedLesion(mask, relative, solidity, growth, label))
    return simulated


def _mean(dose: Volume, mask: Mask) -> float:
    return float(dose[mask].mean()) if mask.any() else 0.0
