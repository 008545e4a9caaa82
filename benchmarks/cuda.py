"""What only a CUDA device can tell: the price of a training step, its memory, and what helps it.

    python -m benchmarks.cuda --output cuda.json

1. The step with everything on (loading, augmentation, averaged weights, schedule) against the bare
   step (forward, backward, optimiser on one resident batch): 3 x 224^3, network of the preset
   `paper`, bfloat16, batch 2 and the batch of the plan; and the share of time waiting for data.
2. The memory that plans from 1 to 24 GiB state against what the device took, in both precisions.
3. torch.compile and channels_last_3d on and off: whether outputs agree, warm-up and step time.

Without a CUDA device nothing is measured or written.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

# This file must not be taken for the package `cuda` that torch imports.
sys.path = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).parent]

import numpy as np
import torch

from ricenet_v2.benchmarking.timing import Bench, make_bench, seconds_of, time_steps, watched_memory
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.machine import described
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
from ricenet_v2.store.cases import write_case
from ricenet_v2.training.loader import Batch, Source, TrainingBatches
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.wrapping import autocast, moved

NAME = "Dataset001_Timing"
CLASSES = ("radiation_effect", "recurrence")
BUDGETS_GB = (1.0, 2.0, 4.0, 8.0, 16.0, 24.0)
N_CASES, N_STORED = 92, 8
STEPS, WARM_UP, ROUNDS = 10, 3, 5


def cohort(side: int) -> tuple[Fingerprint, Dataset]:
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
    fingerprint, dataset = cohort(side)
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


def noise(plan: Plan) -> Batch:
    """One batch of noise in main memory."""
    size = plan.training.batch_size
    images = torch.randn((size, len(plan.channels), *plan.input_size))
    return Batch(images, torch.arange(size) % len(CLASSES), ("noise",) * size)


def bench(plan: Plan, device: torch.device) -> Bench:
    """What a plan describes, on the device."""
    return make_bench(plan, ProcessGroup(0, 1, device))


def bare(made: Bench, steps: int = STEPS) -> dict[str, float]:
    """Seconds of the first steps together and of a step after them (median)."""
    step = made.bare(noise(made.plan))
    first = sum(seconds_of(step, made.device) for _ in range(WARM_UP))
    return {
        "warm_up_s": first,
        "step_s": statistics.median(seconds_of(step, made.device) for _ in range(steps)),
    }


def steps_beside(plan: Plan, device: torch.device, folder: Path, workers: int) -> dict[str, Any]:
    """Seconds of a step with everything, of the bare step in turn with it, and their ratio."""
    labels = {f"C{i:03d}": CLASSES[i % 2] for i in range(N_STORED)}
    reader = CaseReader(folder, list(range(len(plan.channels))), case_ids=list(labels))
    batches = TrainingBatches(Source(reader, labels, plan, 0), 0, workers, device)
    try:
        turns = time_steps(bench(plan, device), batches, STEPS, ROUNDS)
    finally:
        batches.close()
    return {
        "batch": plan.training.batch_size,
        "step_s": statistics.median(turns.everything),
        "bare_step_s": statistics.median(turns.bare),
        "ratio": turns.ratio,
        "waiting_share": turns.waiting_share,
        "rounds": dataclasses.asdict(turns),
    }


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
            yield steps_beside(plan, device, Path(folder), workers)


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
                "stated_gb": plan.memory.total / GIB,
                **_taken(dataclasses.replace(plan, training=training), device),
            }


def _taken(plan: Plan, device: torch.device) -> dict[str, float]:
    with watched_memory(device) as peak:
        made = bench(plan, device)
        bare(made, steps=2)
        made.state.ema.update()
    if peak.allocated is None or peak.reserved is None:
        return {}
    return {
        "taken_gb": peak.allocated / GIB,
        "reserved_gb": peak.reserved / GIB,
        "taken_of_stated": peak.allocated / plan.memory.total,
    }


def switches(device: torch.device, side: int, memory_gb: float) -> Iterator[dict[str, Any]]:
    """Part 3: torch.compile and channels_last_3d, each on and off."""
    plan = planned(side, memory_gb, "paper", 2)
    reference: torch.Tensor | None = None
    for compiled in (False, True):
        for last in (False, True):
            training = dataclasses.replace(plan.training, compile=compiled, channels_last=last)
            made = bench(dataclasses.replace(plan, training=training), device)
            logits = _logits(made)
            reference = logits if reference is None else reference
            yield {
                "compile": compiled,
                "channels_last": last,
                "largest_difference_of_logits": float((logits - reference).abs().max()),
                "largest_logit": float(reference.abs().max()),
                **bare(made),
            }


def _logits(made: Bench) -> torch.Tensor:
    torch.manual_seed(1)
    images = moved(noise(made.plan).images, made.device, made.plan.training)
    made.wrapped.eval()
    with torch.no_grad(), autocast(made.device, made.plan.training):
        logits: torch.Tensor = made.wrapped(images).float().cpu()
    return logits


def main(argv: list[str] | None = None) -> int:
    """Measure and write; 2 without a CUDA device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("cuda.json"))
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
    machine = described(device)
    memory_gb = math.floor(0.9 * (machine.memory_bytes or 0) / GIB)
    parts: dict[str, Callable[[], Iterator[dict[str, Any]]]] = {
        "steps": lambda: steps_of_training(device, chosen.side, memory_gb, chosen.num_workers),
        "memory": lambda: memory_of_plans(device, chosen.side),
        "switches": lambda: switches(device, chosen.side, memory_gb),
    }
    made: dict[str, Any] = {"machine": dataclasses.asdict(machine), "side": chosen.side}
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
