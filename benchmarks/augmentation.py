"""One augmented sample on one core: this project against batchgeneratorsv2, batchgenerators, MONAI.

    OMP_NUM_THREADS=1 .venv_peers/bin/python -m benchmarks.augmentation \
        --output augmentation.json --write documentation/benchmarks.md

All transforms are on, for every channel: rotation, scaling, elastic deformation, mirroring, noise,
blur, brightness, contrast, low resolution, gamma; the peers with the ranges of this project and
their own defaults elsewhere. Libraries take turns; times are CPU seconds of the process, which
other load on the machine changes little, and include all threads.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import statistics
import time
import warnings
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import page
from ricenet_v2.core.seeds import generator
from ricenet_v2.records.plan import (
    AugmentationPlan,
    ChannelPlan,
    MemoryEstimate,
    NetworkPlan,
    Normalisation,
    Plan,
    TrainingPlan,
)
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw

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
SMOOTH, ROUGH = (10, 13), (5, 8)
"""Sigma of MONAI's elastic field in voxels: like batchgenerators', and as in its examples."""
TARGETS = {
    "batchgeneratorsv2": 3.0,
    "batchgenerators": 10.0,
    f"monai, elastic sigma {SMOOTH[0]} to {SMOOTH[1]}": 10.0,
    f"monai, elastic sigma {ROUGH[0]} to {ROUGH[1]}": 10.0,
}
PACKAGES = ("batchgeneratorsv2", "batchgenerators", "monai", "torch", "numpy")
Sample = Callable[[NDArray[np.float32], int], object]


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="voxels a side")
    parser.add_argument("--channels", type=int, default=3)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--output", type=Path, help="JSON file")
    parser.add_argument("--write", type=Path, help="page whose section `augmentation` is rewritten")
    options = parser.parse_args()
    torch.set_num_threads(1)
    result = measure(options.size, options.channels, options.rounds)
    text = section(result)
    print(text)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if options.write:
        page.write(options.write, "augmentation", text)


def measure(size: int, n_channels: int, rounds: int) -> dict[str, object]:
    """Median CPU seconds of each library, and how many times faster this project is."""
    shape = (n_channels, size, size, size)
    images = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    samples: dict[str, Sample] = {
        "ricenet_v2": ours(shape),
        **dict(
            zip(
                TARGETS,
                (second_generation(shape), first_generation(shape), monai(SMOOTH), monai(ROUGH)),
                strict=True,
            )
        ),
    }
    seconds: dict[str, list[float]] = {name: [] for name in samples}
    for turn in range(rounds + 1):
        for name, sample in samples.items():
            copy = images.copy()
            before = time.process_time()
            sample(copy, turn)
            # The first turn only warms up.
            seconds[name].extend([time.process_time() - before] if turn else [])
    medians = {name: statistics.median(values) for name, values in seconds.items()}
    return {
        "shape": shape,
        "rounds": rounds,
        "seconds": seconds,
        "medians": medians,
        "times_faster": {name: medians[name] / medians["ricenet_v2"] for name in TARGETS},
        "versions": {name: version(name) for name in PACKAGES},
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, one used",
    }


def ours(shape: tuple[int, ...]) -> Sample:
    """All changes of this project."""
    plan = everything(shape)

    def sample(images: NDArray[np.float32], turn: int) -> object:
        random = generator(0, "benchmark", turn)
        drawn = draw(plan, random)
        # A draw leaves blur and low resolution out of half of the channels; here none is spared.
        full = tuple(
            dataclasses.replace(
                entry,
                blur_sigma=random.uniform(0.3, RANGES.blur_sigma),
                low_resolution=random.uniform(RANGES.low_resolution, 1),
            )
            for entry in drawn.intensities
        )
        made = dataclasses.replace(drawn, intensities=full)
        return augment(torch.from_numpy(images)[None], [made], plan)

    return sample


def everything(shape: tuple[int, ...]) -> Plan:
    """A plan whose channels are all MRI and whose changes all happen."""
    channel = ChannelPlan("mri", "mri", "cubic", Normalisation("zscore"))
    kernel, step = ((3, 3, 3),), ((1, 1, 1),)
    return Plan(
        name="benchmark",
        preset="benchmark",
        dataset="benchmark",
        fingerprint="",
        classes=("a", "b"),
        channels=tuple(dataclasses.replace(channel, name=f"mri{i}") for i in range(shape[0])),
        spacing=(1.0, 1.0, 1.0),
        input_size=(shape[1], shape[2], shape[3]),
        margin=(0, 0, 0),
        storage_dtype="float32",
        network=NetworkPlan("residual_encoder", (8,), (1,), kernel, step, "instance", 0.0, ""),
        training=TrainingPlan(1, 1, 1, 1, augmentation=RANGES),
        memory=MemoryEstimate(0, 0, 0, 0, 0, 0, 0, 0, 0),
        memory_budget_gb=1.0,
        spacing_range=((1.0,) * 3, (1.0,) * 3),
        dose_range={},
        decisions=(),
    )


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


def section(result: dict[str, Any]) -> str:
    """The figures as a table in Markdown."""
    medians, faster = result["medians"], result["times_faster"]
    rows = ["| library | CPU seconds, median | this project is faster by | target |"]
    rows += ["|---|---|---|---|", f"| ricenet_v2 | {medians['ricenet_v2']:.3f} | | |"]
    for name, target in TARGETS.items():
        figures = f"{medians[name]:.3f} | {faster[name]:.1f} | {target:g}"
        package, _, rest = name.partition(",")
        rows.append(f"| {package} {result['versions'][package]}{rest and ','}{rest} | {figures} |")
    shape = " x ".join(str(n) for n in result["shape"])
    head = f"{shape} voxels, {result['rounds']} rounds, torch {result['versions']['torch']}, "
    return "\n".join([f"{head}{result['machine']}.", "", *rows])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
