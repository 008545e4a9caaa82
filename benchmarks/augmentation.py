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
import os
import platform
import statistics
import time
import warnings
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks import page
from benchmarks.augmentation_peers import RANGES, Sample, first_generation, monai, second_generation
from benchmarks.small_plan import small_plan
from ricenet_v2.core.seeds import generator
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation, TrainingPlan
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw

SMOOTH, ROUGH = (10, 13), (5, 8)
"""Sigma of MONAI's elastic field in voxels: like batchgenerators', and as in its examples."""
TARGETS = {
    "batchgeneratorsv2": 3.0,
    "batchgenerators": 10.0,
    f"monai, elastic sigma {SMOOTH[0]} to {SMOOTH[1]}": 10.0,
    f"monai, elastic sigma {ROUGH[0]} to {ROUGH[1]}": 10.0,
}
PACKAGES = ("batchgeneratorsv2", "batchgenerators", "monai", "torch", "numpy")


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
        changed = dataclasses.replace(drawn, intensities=full)
        return augment(torch.from_numpy(images)[None], [changed], plan)

    return sample


def everything(shape: tuple[int, ...]) -> Plan:
    """A plan whose channels are all MRI and whose changes all happen."""
    channel = ChannelPlan("mri", "mri", "cubic", Normalisation("zscore"))
    return small_plan(
        channels=tuple(dataclasses.replace(channel, name=f"mri{i}") for i in range(shape[0])),
        input_size=(shape[1], shape[2], shape[3]),
        training=TrainingPlan(1, 1, 1, 1, augmentation=RANGES),
    )


def section(result: dict[str, Any]) -> str:
    """The numbers as a table in Markdown."""
    medians, faster = result["medians"], result["times_faster"]
    rows = ["| library | CPU seconds, median | this project is faster by | target |"]
    rows += ["|---|---|---|---|", f"| ricenet_v2 | {medians['ricenet_v2']:.3f} | | |"]
    for name, target in TARGETS.items():
        numbers = f"{medians[name]:.3f} | {faster[name]:.1f} | {target:g}"
        package, _, rest = name.partition(",")
        rows.append(f"| {package} {result['versions'][package]}{rest and ','}{rest} | {numbers} |")
    shape = " x ".join(str(n) for n in result["shape"])
    head = f"{shape} voxels, {result['rounds']} rounds, torch {result['versions']['torch']}, "
    return "\n".join([f"{head}{result['machine']}.", "", *rows])


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    main()
