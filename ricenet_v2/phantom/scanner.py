"""Images as scanners make them: noise in the air, or a CT."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
from scipy import ndimage

from ricenet_v2.core.grid import Grid
from ricenet_v2.core.types import Mask
from ricenet_v2.phantom.images import PatientImages, Volume
from ricenet_v2.records.dataset import Channel

Scanner = Literal["clean", "noisy", "ct"]
SCANNERS: tuple[Scanner, ...] = get_args(Scanner)
NOISE_SHARE = 0.06
"""Standard deviation of noise in the air, as a share of the brain's median."""
AIR_HU, SKULL_HU, SOFT_HU, CT_NOISE_HU = -1000.0, 900.0, 30.0, 12.0
ENHANCED_HU = 60.0
"""Hounsfield units of tissue twice as bright as the brain in the MRI."""
SKULL_MM = 6.0


def channels_of(scanner: Scanner, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """Channels of a cohort: MRIs, or CTs in their place."""
    if scanner != "ct":
        return channels
    return tuple(
        Channel(channel.name.replace("T1c", "CT"), "ct", timepoint=channel.timepoint)
        if channel.timepoint
        else channel
        for channel in channels
    )


def scanned(
    images: PatientImages, scanner: Scanner, grid: Grid, random: np.random.Generator
) -> tuple[Volume, Volume]:
    """The images after surgery and at the event as a scanner shows them.

    Args:
        images: MRIs that are exactly 0 outside of the head.
        scanner: `clean` leaves them, `noisy` adds Rician noise everywhere, `ct` makes Hounsfield
            units with air of -1000.
        grid: Grid of the images.
        random: Random generator for the noise.
    """
    if scanner == "clean":
        return images.post_op, images.event
    if scanner == "noisy":
        return _noisy(images.post_op, images.brain, random), _noisy(
            images.event, images.brain, random
        )
    skull = _skull(images, grid)
    return _hounsfield(images.post_op, images, skull, random), _hounsfield(
        images.event, images, skull, random
    )


def _noisy(image: Volume, brain: Mask, random: np.random.Generator) -> Volume:
    sigma = NOISE_SHARE * float(np.median(image[brain]))
    real, imaginary = (random.normal(0, sigma, image.shape) for _ in range(2))
    return np.hypot(image + real, imaginary).astype(np.float32)


def _skull(images: PatientImages, grid: Grid) -> Mask:
    away = ndimage.distance_transform_edt(~images.brain, sampling=grid.spacing)
    reach = max(SKULL_MM, *grid.spacing)
    return np.asarray((images.post_op > 0) & ~images.brain & (away <= reach))


def _hounsfield(
    image: Volume, images: PatientImages, skull: Mask, random: np.random.Generator
) -> Volume:
    bright = image / float(np.median(images.post_op[images.brain])) - 1
    tissue = SOFT_HU + ENHANCED_HU * np.clip(bright, -0.6, 3)
    values = np.where(skull, SKULL_HU, np.where(image > 0, tissue, AIR_HU))
    return (values + random.normal(0, CT_NOISE_HU, image.shape)).astype(np.float32)
