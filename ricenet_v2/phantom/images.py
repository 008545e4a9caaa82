"""MRI and dose of a simulated patient on one grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage, special

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Mask
from ricenet_v2.phantom.patient import PhantomPatient, Point

Volume = NDArray[np.float32]

PENUMBRA_MM = 7.0
BATH_SHARE, BATH_MM = 0.12, 45.0
BRAIN_SHARE = 0.86
ENHANCEMENT = 1.4


@dataclass(frozen=True)
class PatientImages:
    """Axes (z, y, x): two T1w MRIs with contrast, dose in Gy, masks of brain and lesion.

    `lesions` are the masks of the single lesions, the first of which is `lesion`.
    """

    post_op: Volume
    event: Volume
    dose: Volume
    brain: Mask
    lesion: Mask
    lesions: tuple[Mask, ...] = ()


def _positions(grid: Grid) -> NDArray[np.float64]:
    """Distance of voxel centres from the middle of the grid, mm, shape (3, z, y, x)."""
    axes = [(np.arange(n) - (n - 1) / 2) * s for n, s in zip(grid.shape, grid.spacing, strict=True)]
    return np.stack(np.meshgrid(*axes, indexing="ij"))


def _distance(at: NDArray[np.float64], centre: Point) -> NDArray[np.float64]:
    offset = at - np.array(centre)[:, None, None, None]
    distance: NDArray[np.float64] = np.sqrt((offset**2).sum(axis=0))
    return distance


def _inside(distance: NDArray[np.float64], radius: float, softness: float) -> NDArray[np.float64]:
    """Share of a voxel inside a ball, between 0 and 1 over one voxel: partial volume."""
    share: NDArray[np.float64] = np.clip(0.5 + (radius - distance) / softness, 0, 1)
    return share


def dose_in_gy(
    at: NDArray[np.float64], patient: PhantomPatient, random: np.random.Generator
) -> Volume:
    """A plateau near the prescription, an error-function penumbra, a bath of low dose."""
    beyond = _distance(at, patient.cavity) - patient.target_radius
    plateau = 0.5 * special.erfc((beyond - PENUMBRA_MM) / (np.sqrt(2) * PENUMBRA_MM))
    bath = BATH_SHARE * np.exp(-np.clip(beyond, 0, None) / BATH_MM)
    unevenness = ndimage.gaussian_filter(random.normal(0, 1, at.shape[1:]), 3)
    unevenness *= 0.012 / max(unevenness.std(), 1e-9)
    share = (bath + (1 - bath) * plateau) * (1 + unevenness)
    dose: Volume = np.clip(share * patient.prescription, 0, None).astype(np.float32)
    return dose


def make_images(patient: PhantomPatient, grid: Grid, random: np.random.Generator) -> PatientImages:
    """Draw the images of a patient.

    Args:
        patient: The hidden truth.
        grid: Grid of all images; the head lies in its centre.
        random: Random generator for bias field, noise and unevenness.
    """
    at = _positions(grid)
    voxel = max(grid.spacing)
    radius = np.sqrt(((at / np.array(patient.head)[:, None, None, None]) ** 2).sum(axis=0))
    head, brain = radius <= 1.0, radius <= BRAIN_SHARE
    tissue = np.where(brain, 0.55, np.where(radius <= 0.93, 0.15, 0.8)) * head
    tissue += 0.06 * brain * (radius < 0.6)
    for side in (-1.0, 1.0):
        offset = at - np.array([8.0, 0.0, 9.0 * side])[:, None, None, None]
        ventricle = np.sqrt(
            ((offset / np.array([9.0, 24.0, 5.0])[:, None, None, None]) ** 2).sum(0)
        )
        tissue -= 0.33 * np.clip(1.5 - ventricle, 0, 1) * brain
    from_cavity = _distance(at, patient.cavity)
    hole = _inside(from_cavity, patient.cavity_radius, voxel) * brain
    rim = _inside(from_cavity, patient.cavity_radius + 2, voxel) * brain - hole
    post_op = tissue * (1 - hole) + 0.18 * hole + 0.12 * np.clip(rim, 0, 1)
    for centre, reach in patient.old_spots:
        spot = _inside(_distance(at, centre), reach, voxel) * brain
        post_op = post_op * (1 - spot) + ENHANCEMENT * spot
    lesion, event = np.zeros(grid.shape), post_op
    if patient.lesion_radius:
        from_lesion = _distance(at, patient.lesion)
        lesion = _inside(from_lesion, patient.lesion_radius, voxel) * brain
        core = _inside(from_lesion, 0.75 * patient.lesion_radius, voxel) * brain
        darkness = 1 / (1 + np.exp(2.0 * patient.solidity))
        event = post_op * (1 - lesion) + ENHANCEMENT * lesion - 1.0 * darkness * core
    masks = [_marked(lesion)]
    for further in patient.further:
        shape = _inside(_distance(at, further.centre), further.radius, voxel) * brain
        core = _inside(_distance(at, further.centre), 0.75 * further.radius, voxel) * brain
        darkness = 1 / (1 + np.exp(2.0 * further.solidity))
        event = event * (1 - shape) + ENHANCEMENT * shape - 1.0 * darkness * core
        masks.append(_marked(shape))
    return PatientImages(
        post_op=_scanned(post_op, head, random),
        event=_scanned(event, head, random),
        dose=dose_in_gy(at, patient, random),
        brain=brain,
        lesion=masks[0],
        lesions=tuple(masks),
    )


def _marked(lesion: NDArray[np.float64]) -> Mask:
    """The mask of a lesion; one smaller than a voxel is the voxel that holds most of it."""
    return np.asarray((lesion > 0) & (lesion >= min(0.5, float(lesion.max()))))


def _scanned(image: NDArray[np.float64], head: Mask, random: np.random.Generator) -> Volume:
    """Bias field, noise and an arbitrary scale; exactly 0 outside the head."""
    bias = ndimage.gaussian_filter(random.normal(0, 1, image.shape), np.array(image.shape) / 4)
    bias *= 0.12 / max(bias.std(), 1e-9)
    noisy = image * (1 + bias) + random.normal(0, 0.03, image.shape)
    scale = random.uniform(300, 900)
    return (np.clip(noisy, 0.01, None) * scale * head).astype(np.float32)
