"""Random changes of a training sample, reproducible by (seed, epoch, position)."""

from __future__ import annotations

import random as python_random
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from batchgenerators.transforms.abstract_transforms import AbstractTransform, Compose
from batchgenerators.transforms.color_transforms import (
    BrightnessMultiplicativeTransform,
    ContrastAugmentationTransform,
    GammaTransform,
)
from batchgenerators.transforms.noise_transforms import (
    GaussianBlurTransform,
    GaussianNoiseTransform,
)
from batchgenerators.transforms.resample_transforms import SimulateLowResolutionTransform
from batchgenerators.transforms.spatial_transforms import MirrorTransform
from numpy.typing import NDArray

from ricenet_v2.core.seeds import seed_of
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.spatial import SpatialTransform

_NO_INTENSITY = ("dose", "mask")


def geometric(plan: Plan) -> AbstractTransform:
    """Deformation and mirroring, on `data`."""
    axes = plan.training.augmentation.mirror_axes
    mirror = [MirrorTransform(axes=axes)] if axes else []
    return Compose([SpatialTransform(plan), *mirror])


def intensity(plan: Plan) -> AbstractTransform:
    """Noise, blur, brightness, contrast, low resolution, gamma, on `data`; per channel."""
    a = plan.training.augmentation
    return Compose(
        [
            GaussianNoiseTransform(
                noise_variance=(0, a.noise_std**2), p_per_sample=a.p_noise, per_channel=True
            ),
            GaussianBlurTransform(
                (0.3, max(0.3, a.blur_sigma)),
                different_sigma_per_channel=True,
                p_per_sample=a.p_blur,
                p_per_channel=0.5,
            ),
            BrightnessMultiplicativeTransform(a.brightness, p_per_sample=a.p_brightness),
            ContrastAugmentationTransform(a.contrast, p_per_sample=a.p_contrast),
            SimulateLowResolutionTransform(
                zoom_range=(a.low_resolution, 1),
                per_channel=True,
                p_per_channel=0.5,
                order_downsample=0,
                order_upsample=3,
                p_per_sample=a.p_low_resolution,
            ),
            GammaTransform(
                a.gamma,
                invert_image=False,
                per_channel=True,
                retain_stats=True,
                p_per_sample=a.p_gamma,
            ),
        ]
    )


class Augmentation:
    """All random changes of a plan; intensity changes never touch dose or mask channels."""

    def __init__(self, plan: Plan) -> None:
        """Compose the transforms."""
        self.geometric, self.intensity = geometric(plan), intensity(plan)
        self.coloured = [
            index for index, c in enumerate(plan.channels) if c.kind not in _NO_INTENSITY
        ]

    def __call__(self, images: NDArray[np.float32], *names: str | int) -> NDArray[np.float32]:
        """Change one sample.

        Args:
            images: Axes (channels, z, y, x); left as it is.
            names: Seed, epoch, position: the same names give the same result.
        """
        seed = seed_of(0, "augmentation", *names)
        with _global_randomness(seed):
            data = self.geometric(data=images[None].copy(), random=np.random.default_rng(seed))
            made: NDArray[np.float32] = np.ascontiguousarray(data["data"][0])
            if self.coloured:
                chosen = self.intensity(data=made[None, self.coloured])["data"][0]
                made[self.coloured] = chosen
        return made


@contextmanager
def _global_randomness(seed: int) -> Iterator[None]:
    """Seed the global generators that batchgenerators draws from, and put them back after."""
    state, python_state = np.random.get_state(), python_random.getstate()  # noqa: NPY002
    np.random.seed(seed % 2**32)  # noqa: NPY002
    python_random.seed(seed)
    try:
        yield
    finally:
        np.random.set_state(state)  # noqa: NPY002
        python_random.setstate(python_state)
