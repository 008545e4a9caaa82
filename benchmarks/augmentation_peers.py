"""The augmentation of this project, spelt in batchgeneratorsv2, batchgenerators and MONAI."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray

from ricenet_v2.records.plan_parts import AugmentationPlan

RANGES = AugmentationPlan(
    p_rotation=1.0,
    p_scaling=1.0,
    p_elastic=1.0,
    p_noise=1.0,
    p_blur=1.0,
    p_brightness=1.0,
    p_contrast=1.0,
    p_gamma=1.0,
    p_low_resolution=1.0,
)
ANGLE = math.radians(RANGES.rotation_degrees)
Sample = Callable[[NDArray[np.float32], int], object]


def second_generation(shape: tuple[int, ...]) -> Sample:
    """The same list in batchgeneratorsv2, which today's nnU-Net uses."""
    from batchgeneratorsv2.transforms.intensity.brightness import MultiplicativeBrightnessTransform
    from batchgeneratorsv2.transforms.intensity.contrast import ContrastTransform
    from batchgeneratorsv2.transforms.intensity.gamma import GammaTransform
    from batchgeneratorsv2.transforms.intensity.gaussian_noise import GaussianNoiseTransform
    from batchgeneratorsv2.transforms.noise.gaussian_blur import GaussianBlurTransform
    from batchgeneratorsv2.transforms.spatial.low_resolution import SimulateLowResolutionTransform
    from batchgeneratorsv2.transforms.spatial.mirroring import MirrorTransform
    from batchgeneratorsv2.transforms.spatial.spatial import SpatialTransform
    from batchgeneratorsv2.transforms.utils.compose import ComposeTransforms

    spatial = SpatialTransform(
        shape[1:],
        0,
        random_crop=False,
        p_elastic_deform=1,
        elastic_deform_magnitude=(0, RANGES.elastic_mm),
        p_rotation=1,
        rotation=(-ANGLE, ANGLE),
        p_scaling=1,
        scaling=RANGES.scaling,
        p_synchronize_scaling_across_axes=1,
    )
    every = ComposeTransforms(
        [
            spatial,
            MirrorTransform(allowed_axes=RANGES.mirror_axes),
            GaussianNoiseTransform(noise_variance=(0, RANGES.noise_std)),
            GaussianBlurTransform(blur_sigma=(0.3, RANGES.blur_sigma), synchronize_axes=True),
            MultiplicativeBrightnessTransform(RANGES.brightness, synchronize_channels=False),
            ContrastTransform(RANGES.contrast, preserve_range=True, synchronize_channels=False),
            SimulateLowResolutionTransform(
                (RANGES.low_resolution, 1),
                synchronize_channels=False,
                synchronize_axes=True,
                ignore_axes=(),
            ),
            GammaTransform(
                RANGES.gamma,
                p_invert_image=0,
                synchronize_channels=False,
                p_per_channel=1,
                p_retain_stats=1,
            ),
        ]
    )
    return lambda images, _: every(image=torch.from_numpy(images))


def first_generation(shape: tuple[int, ...]) -> Sample:
    """The same list in batchgenerators, with the orders of interpolation of nnU-Net v1."""
    from batchgenerators.transforms import (
        abstract_transforms,
        color_transforms,
        noise_transforms,
        resample_transforms,
        spatial_transforms,
    )

    angle = (-ANGLE, ANGLE)
    every = abstract_transforms.Compose(
        [
            spatial_transforms.SpatialTransform(
                shape[1:],
                None,
                angle_x=angle,
                angle_y=angle,
                angle_z=angle,
                scale=RANGES.scaling,
                border_mode_data="constant",
                random_crop=False,
            ),
            spatial_transforms.MirrorTransform(axes=RANGES.mirror_axes),
            noise_transforms.GaussianNoiseTransform((0, RANGES.noise_std), per_channel=True),
            noise_transforms.GaussianBlurTransform((0.3, RANGES.blur_sigma)),
            color_transforms.BrightnessMultiplicativeTransform(RANGES.brightness),
            color_transforms.ContrastAugmentationTransform(RANGES.contrast),
            resample_transforms.SimulateLowResolutionTransform(
                (RANGES.low_resolution, 1),
                per_channel=True,
                order_downsample=0,
                order_upsample=3,
            ),
            color_transforms.GammaTransform(RANGES.gamma, per_channel=True, retain_stats=True),
        ]
    )
    return lambda images, _: every(data=images[None])


def monai(elastic_sigma: tuple[float, float]) -> Sample:
    """The same list in MONAI."""
    from monai import transforms

    scaling = tuple(factor - 1 for factor in RANGES.scaling)
    sigma = (0.3, RANGES.blur_sigma)
    every = transforms.Compose(
        [
            transforms.Rand3DElastic(
                sigma_range=elastic_sigma,
                magnitude_range=(0, 100),
                prob=1,
                rotate_range=(ANGLE, ANGLE, ANGLE),
                scale_range=[scaling, scaling, scaling],
                padding_mode="zeros",
            ),
            transforms.RandFlip(prob=0.5, spatial_axis=2),
            transforms.RandGaussianNoise(prob=1, std=RANGES.noise_std),
            transforms.RandGaussianSmooth(sigma, sigma, sigma, prob=1),
            transforms.RandScaleIntensity((-0.25, 0.25), prob=1, channel_wise=True),
            transforms.RandScaleIntensityFixedMean(
                prob=1, factors=(-0.25, 0.25), preserve_range=True, channel_wise=True
            ),
            transforms.RandSimulateLowResolution(prob=1, zoom_range=(RANGES.low_resolution, 1)),
            transforms.RandAdjustContrast(prob=1, gamma=RANGES.gamma, retain_stats=True),
        ]
    )
    every.set_random_state(0)
    return lambda images, _: every(images)
