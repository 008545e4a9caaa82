"""Plans and cases that the benchmark on a CUDA device runs on; no image file is read or written."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

from ricenet_v2.core import documents
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Channel, Dataset
from ricenet_v2.records.fingerprint import (
    CaseMeasurement,
    ChannelFingerprint,
    ChannelMeasurement,
    Distribution,
    Fingerprint,
)
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Precision
from ricenet_v2.store.cases import write_case
from ricenet_v2.training.loader import Batch

NAME = "Dataset001_Timing"
CLASSES = ("radiation_effect", "recurrence")
PRECISIONS: tuple[Precision, ...] = ("float32", "bfloat16")
N_CASES = 92
_SIGNAL = 1.0
"""Added to one channel of half the cases, in a cube, in standard deviations of the noise."""


@dataclasses.dataclass(frozen=True)
class Sizes:
    """How large everything is.

    Attributes:
        side: Voxels along each axis of a head.
        budgets_gb: Budgets in GiB of the plans whose memory is measured.
        updates: Updates of a turn of timing.
        rounds: Turns.
        stored: Cases that are loaded.
        fold_side: Voxels along each axis of the cases that networks are compared on.
        fold_cases: How many.
        fold_updates: Updates of each network of a fold.
        seeds: Networks of each fold and device.
    """

    side: int = 224
    budgets_gb: tuple[float, ...] = (1.0, 2.0, 4.0, 8.0, 16.0, 40.0)
    updates: int = 10
    rounds: int = 5
    stored: int = 8
    fold_side: int = 24
    fold_cases: int = 40
    fold_updates: int = 40
    seeds: int = 3


TINY = Sizes(16, (0.2,), 1, 1, 4, 8, 4, 1, 2)
"""Sizes for a dry run."""


def cohort(side: int) -> tuple[Fingerprint, Dataset]:
    """The fingerprint of a cohort of the paper's size whose heads are cubes of `side` mm."""
    measurement = ChannelMeasurement(1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 2.0, 0.0)
    flat = Distribution(60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 0.0)
    channels = (Channel("post_op", "mri"), Channel("event", "mri"), Channel("dose", "dose"))
    shape = (side, side, side)
    cases = tuple(
        CaseMeasurement(f"C{i:03d}", shape, shape, (1.0, 1.0, 1.0), 1.0, (measurement,) * 3)
        for i in range(N_CASES)
    )
    measured = tuple(
        ChannelFingerprint(c.name, c.kind, 40.0, 12.0, 1.0, 90.0, flat, flat, flat, 0.0)
        for c in channels
    )
    counts = dict.fromkeys(CLASSES, N_CASES // 2)
    fingerprint = Fingerprint(NAME, N_CASES, N_CASES, counts, measured, cases)
    return fingerprint, Dataset(NAME, channels, CLASSES)


def planned(
    side: int,
    memory_gb: float,
    preset: str,
    batch: int | None = None,
    precision: Precision = "float32",
) -> Plan:
    """A plan of that cohort as planning makes it, counted in a precision and trained in it."""
    fingerprint, dataset = cohort(side)
    plan = make_plan(
        fingerprint,
        dataset,
        estimate,
        preset=preset,
        memory_gb=memory_gb,
        input_size=(side,) * 3 if preset == "paper" else None,
        batch_size=batch,
        precision=precision,
    )
    return with_training(plan, mixed_precision=precision != "float32")


def with_training(plan: Plan, **changes: Any) -> Plan:
    """The plan with other settings of training."""
    return dataclasses.replace(plan, training=dataclasses.replace(plan.training, **changes))


def _narrow(plan: Plan) -> Plan:
    """The plan with few features and samples, counted anew."""
    features = tuple(min(8, each) for each in plan.network.features)
    network = dataclasses.replace(plan.network, features=features, stem_features=8)
    counts = len(plan.channels), len(plan.classes)
    memory = estimate(network, *counts, plan.input_size, 2, plan.memory.precision)
    narrow = dataclasses.replace(plan, network=network, memory=memory)
    return with_training(narrow, batch_size=2)


@dataclasses.dataclass(frozen=True)
class Plans:
    """Plans by name, kept in a folder where there is one: counting them takes minutes.

    Attributes:
        sizes: How large they are.
        memory_gb: Budget of the plans whose steps are timed.
        precision: Precision of those plans.
        folder: Where they are kept; None makes them when they are asked for.
    """

    sizes: Sizes
    memory_gb: float
    precision: Precision
    folder: Path | None = None

    def names(self) -> Iterator[str]:
        """All of them."""
        yield from ("paper_2", "paper", "auto")
        for budget in self.sizes.budgets_gb:
            yield from (f"memory_{budget:g}_{precision}" for precision in PRECISIONS)

    def __getitem__(self, name: str) -> Plan:
        """A plan, from the folder or made now and kept there."""
        file = None if self.folder is None else self.folder / f"{name}.json"
        if file is not None and file.is_file():
            return documents.read(Plan, file)
        plan = self._made(name)
        if self.sizes == TINY:
            plan = _narrow(plan)
        if file is not None:
            file.parent.mkdir(parents=True, exist_ok=True)
            documents.write(file, plan)
        return plan

    def _made(self, name: str) -> Plan:
        side = self.sizes.side
        if name.startswith("memory_"):
            budget, precision = name.removeprefix("memory_").split("_")
            chosen = next(each for each in PRECISIONS if each == precision)
            return planned(side, float(budget), "auto", precision=chosen)
        preset, _, batch = name.partition("_")
        preset = "auto" if side < 64 else preset  # the paper's network needs more voxels
        number = int(batch) if batch else None
        return planned(side, self.memory_gb, preset, number, self.precision)


def checkpointed(plan: Plan) -> int:
    """Bytes of a step of the plan with activation checkpointing."""
    counts, batch = (len(plan.channels), len(plan.classes)), plan.training.batch_size
    arguments = (plan.network, *counts, plan.input_size, batch, plan.memory.precision)
    return estimate(*arguments, checkpointing=True).total


def noise(plan: Plan) -> Batch:
    """One batch of noise in main memory."""
    size = plan.training.batch_size
    images = torch.randn((size, len(plan.channels), *plan.input_size))
    return Batch(images, torch.arange(size) % len(CLASSES), ("noise",) * size)


def labels_of(n: int) -> dict[str, str]:
    """Case ids with their classes in turn."""
    return {f"C{i:03d}": CLASSES[i % 2] for i in range(n)}


def store_cases(folder: Path, plan: Plan, n: int) -> None:
    """Write cases of noise of the plan's size, with a sign of the class in a cube of a channel."""
    random, shape = np.random.default_rng(0), (len(plan.channels), *plan.input_size)
    middle = tuple(slice(n // 3, 2 * n // 3) for n in plan.input_size)
    for number, case_id in enumerate(labels_of(n)):
        case = PreprocessedCase(
            case_id=case_id,
            shape=shape,
            source_grid_shape=plan.input_size,
            source_spacing=plan.spacing,
            source_origin=(0.0, 0.0, 0.0),
            source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            crop_start=(0, 0, 0),
            crop_stop=plan.input_size,
            region="whole image",
            dose_maximum={},
            warnings=(),
            inputs_hash="",
        )
        images = random.standard_normal(shape, dtype=np.float32)
        images[1][middle] += _SIGNAL * (number % 2)
        write_case(folder, images, case)
