"""What only a CUDA device can tell: the price of a training step, its memory, and what helps it.

    python -m benchmarks.cuda --output cuda.json

1. The step with everything on (loading, augmentation, averaged weights, schedule) against the bare
   step (forward, backward, optimiser on one resident batch): 3 x 224^3, network of the preset
   `paper`, bfloat16, batch 2 and the batch of the plan; and the share of time waiting for data.
2. The memory that plans from 1 to 24 GB state against what the device took, in both precisions.
3. torch.compile and channels_last_3d on and off: whether outputs agree, warm-up and step time.

Without a CUDA device nothing is measured or written.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# This file must not be taken for the package `cuda` that torch imports.
sys.path = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).parent]

import numpy as np
import torch
from torch import nn

from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.planner import GIGABYTE, make_plan
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
from ricenet_v2.store.cases import write_case
from ricenet_v2.training.loader import Batch, Source, TrainingBatches
from ricenet_v2.training.loop import Task, train_epoch
from ricenet_v2.training.loss import mean_loss
from ricenet_v2.training.optimiser import make_optimiser
from ricenet_v2.training.parts import Ema, StopWish
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.schedule import Leg
from ricenet_v2.training.team import Team
from ricenet_v2.training.wrapping import autocast, moved, wrapped

NAME = "Dataset001_Timing"
CLASSES = ("radiation_effect", "recurrence")
BUDGETS_GB = (1.0, 2.0, 4.0, 8.0, 16.0, 24.0)
N_CASES, N_STORED = 92, 8
STEPS, WARM_UP = 10, 3


def described(side: int) -> tuple[Fingerprint, Dataset]:
    """The fingerprint of a cohort of the paper's size whose heads are cubes of `side` mm."""
    one = ChannelMeasurement(1.0, 1.0, 0.0, 2.0, 0.0, 1.0, 2.0, 2.0, 0.0)
    flat = Distribution(60.0, 60.0, 60.0, 60.0, 60.0, 60.0, 0.0)
    channels = (Channel("post_op", "mri"), Channel("event", "mri"), Channel("dose", "dose"))
    shape = (side, side, side)
    cases = tuple(
        CaseMeasurement(f"C{i:03d}", shape, shape, (1.0, 1.0, 1.0), 1.0, (one,) * 3)
        for i in range(N_CASES)
    )
    measured = tuple(
        ChannelFingerprint(c.name, c.kind, 40.0, 12.0, 1.0, 90.0, flat, flat, flat, 0.0)
        for c in channels
    )
    counts = dict.fromkeys(CLASSES, N_CASES // 2)
    fingerprint = Fingerprint(NAME, N_CASES, N_CASES, counts, measured, cases)
    return fingerprint, Dataset(NAME, channels, CLASSES)


def planned(side: int, memory_gb: float, preset: str, batch: int | None = None) -> Plan:
    """A plan of that cohort, with one step for each update."""
    fingerprint, dataset = described(side)
    size = (side,) * 3 if preset == "paper" else None
    made = make_plan(
        fingerprint,
        dataset,
        estimate,
        preset=preset,
        memory_gb=memory_gb,
        input_size=size,
        batch_size=batch,
    )
    training = dataclasses.replace(
        made.training, accumulation_steps=1, iterations_per_epoch=STEPS, epochs=10
    )
    return dataclasses.replace(made, training=training)


@dataclasses.dataclass(frozen=True)
class Bench:
    """A network with its optimiser on a device."""

    plan: Plan
    team: Team
    network: nn.Module
    called: nn.Module
    optimiser: torch.optim.Optimizer

    def batch(self) -> Batch:
        """One batch of noise in main memory."""
        size = self.plan.training.batch_size
        images = torch.randn((size, len(self.plan.channels), *self.plan.input_size))
        return Batch(images, torch.arange(size) % len(CLASSES), ("noise",) * size)

    def step(self, images: torch.Tensor, targets: torch.Tensor) -> None:
        """Forward, backward, optimiser."""
        self.optimiser.zero_grad(set_to_none=True)
        with autocast(self.team.device, self.plan.training):
            logits = self.called(images)
        mean_loss(logits.float(), targets, 0.0).backward()
        self.optimiser.step()


def bench(plan: Plan, device: torch.device) -> Bench:
    """Build what a plan describes, as training does."""
    torch.manual_seed(0)
    network = build_network(plan.network, len(plan.channels), len(plan.classes)).to(device)
    if plan.training.channels_last:
        network = network.to(memory_format=torch.channels_last_3d)
    team = Team(0, 1, device)
    called = wrapped(network, plan.training, team)
    return Bench(plan, team, network, called, make_optimiser(network, plan.training))


def synchronise(device: torch.device) -> None:
    """Wait for the device."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Wall time of some work and of what it left running on the device."""
    synchronise(device)
    start = time.perf_counter()
    work()
    synchronise(device)
    return time.perf_counter() - start


def bare(made: Bench, steps: int = STEPS) -> dict[str, float]:
    """Seconds of the first steps together and of a step after them (median)."""
    device, batch = made.team.device, made.batch()
    images = moved(batch.images, device, made.plan.training)
    targets = nn.functional.one_hot(batch.targets.to(device), len(CLASSES)).float()
    made.called.train()

    def step() -> None:
        made.step(images, targets)

    first = sum(seconds_of(step, device) for _ in range(WARM_UP))
    return {
        "warm_up_s": first,
        "step_s": statistics.median(seconds_of(step, device) for _ in range(steps)),
    }


def everything(made: Bench, folder: Path, workers: int, epochs: int = 3) -> dict[str, float]:
    """Seconds of a step of the real loop with the real loader, after an epoch of warm-up."""
    plan, labels = made.plan, {f"C{i:03d}": CLASSES[i % 2] for i in range(N_STORED)}
    reader = CaseReader(folder, list(range(len(plan.channels))))
    batches = TrainingBatches(Source(reader, labels, plan, 0), 0, workers)
    task = Task(plan.training, (Leg(0, 10),), len(CLASSES), None, 0, made.team)
    ema, steps, waiting = Ema(made.network, plan.training.ema_decay), [], []
    try:
        for epoch in range(epochs):
            found: list[Any] = []

            def one(epoch: int = epoch, found: list[Any] = found) -> None:
                given = (made.called, made.optimiser, ema, batches, task, epoch, StopWish())
                found.append(train_epoch(*given))

            spent = seconds_of(one, made.team.device)
            if epoch > 0:
                steps.append(spent / plan.training.iterations_per_epoch)
                waiting.append(found[0].waiting / spent)
    finally:
        batches.close()
    return {"step_s": statistics.median(steps), "waiting_share": statistics.median(waiting)}


def stored(folder: Path, plan: Plan) -> None:
    """Write a few cases of noise of the plan's size."""
    random, shape = np.random.default_rng(0), (len(plan.channels), *plan.input_size)
    for index in range(N_STORED):
        case = PreprocessedCase(
            case_id=f"C{index:03d}",
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
        write_case(folder, random.standard_normal(shape, dtype=np.float32), case)


def steps_of_training(
    device: torch.device, side: int, memory_gb: float, workers: int
) -> Iterator[dict[str, Any]]:
    """Part 1: everything on against bare, at batch 2 and at the batch of the plan."""
    plans = [planned(side, memory_gb, "paper", 2), planned(side, memory_gb, "paper")]
    sizes = sorted({plan.training.batch_size for plan in plans})
    with tempfile.TemporaryDirectory() as folder:
        stored(Path(folder), plans[0])
        for size in sizes:
            plan = next(p for p in plans if p.training.batch_size == size)
            low, full = bare(bench(plan, device)), None
            full = everything(bench(plan, device), Path(folder), workers)
            yield {
                "batch": size,
                "bare": low,
                "everything": full,
                "ratio": full["step_s"] / low["step_s"],
            }


def memory_of_plans(
    device: torch.device, side: int, budgets: tuple[float, ...] = BUDGETS_GB
) -> Iterator[dict[str, Any]]:
    """Part 2: bytes stated and taken by plans of growing budgets."""
    for budget in budgets:
        plan = planned(side, budget, "auto")
        for mixed in (False, True):
            training = dataclasses.replace(plan.training, mixed_precision=mixed)
            yield {
                "budget_gb": budget,
                "mixed_precision": mixed,
                "input_size": plan.input_size,
                "batch": training.batch_size,
                "stated_gb": plan.memory.total / GIGABYTE,
                **_taken(dataclasses.replace(plan, training=training), device),
            }


def _taken(plan: Plan, device: torch.device) -> dict[str, float]:
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)
    made = bench(plan, device)
    ema = Ema(made.network, plan.training.ema_decay)
    bare(made, steps=2)
    ema.update()
    if device.type != "cuda":
        return {}
    taken = torch.cuda.max_memory_allocated(device) / GIGABYTE
    reserved = torch.cuda.max_memory_reserved(device) / GIGABYTE
    stated = plan.memory.total / GIGABYTE
    return {"taken_gb": taken, "reserved_gb": reserved, "taken_of_stated": taken / stated}


def switches(device: torch.device, side: int, memory_gb: float) -> Iterator[dict[str, Any]]:
    """Part 3: torch.compile and channels_last_3d, each on and off."""
    plan = planned(side, memory_gb, "paper", 2)
    reference: torch.Tensor | None = None
    for compiled in (False, True):
        for last in (False, True):
            changed = {"compile": compiled, "channels_last": last}
            training = dataclasses.replace(plan.training, **changed)
            made = bench(dataclasses.replace(plan, training=training), device)
            logits = _logits(made)
            reference = logits if reference is None else reference
            yield {
                **changed,
                "largest_difference_of_logits": float((logits - reference).abs().max()),
                "largest_logit": float(reference.abs().max()),
                **bare(made),
            }


def _logits(made: Bench) -> torch.Tensor:
    torch.manual_seed(1)
    images = moved(made.batch().images, made.team.device, made.plan.training)
    made.called.eval()
    with torch.no_grad(), autocast(made.team.device, made.plan.training):
        return made.called(images).float().cpu()


def described_machine(device: torch.device) -> dict[str, Any]:
    """Device, driver and versions."""
    name = torch.cuda.get_device_name(device)
    memory = torch.cuda.get_device_properties(device).total_memory / GIGABYTE
    query = ["nvidia-smi", "--query-gpu=driver_version", "--format=csv,noheader"]
    try:
        found = subprocess.run(query, capture_output=True, text=True, check=True).stdout
        driver = found.strip().splitlines()[0]
    except (OSError, subprocess.CalledProcessError):
        driver = "unknown"
    return {
        "device": name,
        "memory_gb": memory,
        "driver": driver,
        "torch": torch.__version__,
        "cuda": torch.version.cuda,
        "cudnn": torch.backends.cudnn.version(),
        "python": platform.python_version(),
        "cores": os.cpu_count(),
    }


def main(argv: list[str] | None = None) -> int:
    """Measure and write; 2 without a CUDA device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("gpu.json"))
    parser.add_argument("--side", type=int, default=224, help="voxels along each axis")
    parser.add_argument("--num_workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    chosen = parser.parse_args(argv)
    if not torch.cuda.is_available():
        print(
            "There is no CUDA device here, so nothing was measured and nothing written.",
            file=sys.stderr,
        )
        return 2
    device = torch.device("cuda", 0)
    machine = described_machine(device)
    memory_gb = math.floor(0.9 * machine["memory_gb"])
    parts = {
        "steps": lambda: steps_of_training(device, chosen.side, memory_gb, chosen.num_workers),
        "memory": lambda: memory_of_plans(device, chosen.side),
        "switches": lambda: switches(device, chosen.side, memory_gb),
    }
    made: dict[str, Any] = {"machine": machine, "side": chosen.side}
    for name, part in parts.items():
        made[name] = []
        for row in part():
            print(name, row, flush=True)
            made[name].append(row)
            # After each row, so that an end of any kind keeps what was measured.
            chosen.output.write_text(json.dumps(made, indent=1), encoding="utf-8")
    print(f"Written to {chosen.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
