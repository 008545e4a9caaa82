"""What the data cost a training on a CPU: waiting, the step beside the bare network, memory.

    python -m benchmarks.training_data --output training_data.json \
        --write documentation/benchmarks.md

Steps: 3 x 64^3 random voxels, the residual encoder that planning gives such an image, the training
loop of this project with augmentation, averaged weights, clipping, optimiser and loader. The bare
step is forward, backward and optimiser of the same network on a batch that lies ready. Both take
turns; `benchmarking.timing`, the core of `ricenet_benchmark`, times them. Memory: the same
loader and loop on cohorts of 100 and 10,000 cases of 3 x 16^3, each in a process of its own; the
proportional set size of it and its worker at the end, without the memory that the user granted for
cases.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from benchmarks import page
from benchmarks.small_plan import small_plan
from ricenet_v2.benchmarking.timing import make_bench, time_steps
from ricenet_v2.network.build import Classifier
from ricenet_v2.planning.networks import residual_encoder
from ricenet_v2.planning.topology import topology
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import ChannelKind
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import AugmentationPlan, ChannelPlan, Normalisation, TrainingPlan
from ricenet_v2.store.cases import write_case
from ricenet_v2.training.loader import TrainingBatches
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.reader import CaseReader
from ricenet_v2.training.source import Source
from ricenet_v2.training.workers import default_workers

CHANNELS: tuple[ChannelKind, ...] = ("mri", "mri", "dose")
CLASSES = ("first", "second")
ALONE = ProcessGroup(0, 1, torch.device("cpu"))
COHORTS = (100, 10_000)
_DISTINCT = 100
LIMITS = {"waiting": 0.05, "step_ratio": 1.10, "memory_growth": 0.10}


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=64, help="voxels a side")
    parser.add_argument("--updates", type=int, default=6, help="updates in a turn")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--num_workers", type=int, default=default_workers(ALONE.device))
    parser.add_argument("--cache_mb", type=int, default=32, help="for cases, in the memory test")
    parser.add_argument("--output", type=Path, help="JSON file")
    parser.add_argument("--write", type=Path, help="page whose section is rewritten")
    parser.add_argument("--memory_of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.memory_of:
        print(json.dumps(memory_of(options.memory_of, options.cache_mb * 2**20)))
        return
    with tempfile.TemporaryDirectory() as folder:
        steps = measure_steps(
            Path(folder), options.size, options.updates, options.rounds, options.num_workers
        )
        memory = measure_memory(Path(folder), options.cache_mb)
    result = {"steps": steps, "memory": memory, "cores": os.cpu_count(), "torch": torch.__version__}
    text = section(result)
    print(text)
    if options.output:
        options.output.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")
    if options.write:
        page.write(options.write, "training_data", text)


def plan_of(size: int, batch_size: int, updates: int) -> Plan:
    """A plan for random images of that size."""
    shape, spacing = (size,) * 3, (180.0 / size,) * 3
    return small_plan(
        dataset="Dataset001_Benchmark",
        classes=CLASSES,
        channels=tuple(
            ChannelPlan(f"{kind}{i}", kind, "linear", Normalisation("none"))
            for i, kind in enumerate(CHANNELS)
        ),
        spacing=spacing,
        input_size=shape,
        network=residual_encoder(topology(shape, spacing)),
        training=TrainingPlan(batch_size, 1, 100, updates, augmentation=AugmentationPlan()),
    )


def write_cases(folder: Path, plan: Plan, count: int) -> dict[str, str]:
    """Random preprocessed cases and their classes; from the 101st on, their voxels repeat."""
    random, shape = np.random.default_rng(0), (len(CHANNELS), *plan.input_size)
    labels = {f"case{number:05d}": CLASSES[number % 2] for number in range(count)}
    for number, case in enumerate(labels):
        if number < _DISTINCT:
            voxels = random.random(shape, dtype=np.float32)
            write_case(folder, voxels, record_of(case, shape))
        else:
            same = folder / f"case{number % _DISTINCT:05d}.b2nd"
            (folder / f"{case}.b2nd").hardlink_to(same)
    return labels


def record_of(case: str, shape: tuple[int, int, int, int]) -> PreprocessedCase:
    """What stands beside a case."""
    return PreprocessedCase(
        case_id=case,
        shape=shape,
        source_grid_shape=shape[1:],
        source_spacing=(1.0,) * 3,
        source_origin=(0.0,) * 3,
        source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        crop_start=(0, 0, 0),
        crop_stop=shape[1:],
        region="whole image",
        dose_maximum={},
        warnings=(),
        inputs_hash=case,
    )


def measure_steps(
    folder: Path, size: int, updates: int, rounds: int, num_workers: int
) -> dict[str, Any]:
    """Seconds per update with everything and bare, and the share of waiting."""
    plan = plan_of(size, 2, updates)
    labels = write_cases(folder / "steps", plan, 16)
    reader = CaseReader(folder / "steps", range(len(CHANNELS)), case_ids=list(labels))
    batches = TrainingBatches(Source(reader, labels, plan, 0), 0, num_workers)
    try:
        turns = time_steps(make_bench(plan, ALONE), batches, updates, rounds)
    finally:
        batches.close()
    return {
        "shape": (len(CHANNELS), size, size, size),
        "batch_size": 2,
        "num_workers": num_workers,
        "rounds": rounds,
        "updates": updates,
        "seconds_everything": turns.everything,
        "seconds_bare": turns.bare,
        "waiting": turns.waiting,
        "median_everything": statistics.median(turns.everything),
        "median_bare": statistics.median(turns.bare),
        "median_waiting": turns.waiting_share,
        "step_ratio": turns.ratio,
    }


def measure_memory(folder: Path, cache_mb: int) -> dict[str, Any]:
    """Memory of a training on each cohort, in a process of its own."""
    memory = {}
    for count in COHORTS:
        where = folder / f"cohort{count}"
        write_cases(where, plan_of(16, 8, 1), count)
        words = [
            sys.executable,
            "-m",
            "benchmarks.training_data",
            "--memory_of",
            str(where),
            "--cache_mb",
            str(cache_mb),
        ]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
        memory[count] = json.loads(done.stdout)
    without = [memory[count]["bytes"] - memory[count]["cache_bytes"] for count in COHORTS]
    return {"cache_mb": cache_mb, "cohorts": memory, "growth": without[1] / without[0] - 1}


def memory_of(folder: Path, budget: int) -> dict[str, int]:
    """Proportional set size of this process and its worker after an epoch over all cases."""
    cases = sorted(path.stem for path in folder.glob("*.b2nd"))
    labels = {case: CLASSES[number % 2] for number, case in enumerate(cases)}
    updates = max(100, len(cases) // 8)
    plan = plan_of(16, 8, updates)
    reader = CaseReader(folder, range(len(CHANNELS)), budget, cases)
    batches = TrainingBatches(Source(reader, labels, plan, 0), 0, 1)
    network = Classifier(nn.Conv3d(len(CHANNELS), 4, 3, stride=4), 4, len(CLASSES), 0.0)
    make_bench(plan, ALONE, network).train(batches, 0, updates)
    workers = [worker.pid for worker in multiprocessing.active_children() if worker.pid is not None]
    taken = sum(proportional_set_size(pid) for pid in (os.getpid(), *workers))
    batches.close()
    case_bytes = 4 * len(CHANNELS) * 16**3
    return {
        "bytes": taken,
        "cache_bytes": case_bytes * min(len(cases), budget // case_bytes),
        "processes": 1 + len(workers),
    }


def proportional_set_size(pid: int) -> int:
    """Bytes of a process, shared pages divided among those that share them (Linux)."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    match = re.search(r"^Pss:\s+(\d+) kB", text, re.MULTILINE)
    if match is None:
        raise SystemExit(f"Process {pid} does not say how much memory is its own.")
    return int(match[1]) * 1024


def section(result: dict[str, Any]) -> str:
    """The numbers as a table in Markdown."""
    steps, memory = result["steps"], result["memory"]
    shape = " x ".join(str(n) for n in steps["shape"])
    small, large = (memory["cohorts"][count]["bytes"] / 2**20 for count in COHORTS)
    taken = f"({large:.0f} MiB and {small:.0f} MiB with the {memory['cache_mb']} MiB for cases)"
    lines = [
        f"{shape} voxels, batches of {steps['batch_size']}, {steps['num_workers']} worker(s), "
        f"{result['cores']} cores, torch {result['torch']}; medians of {steps['rounds']} rounds "
        f"of {steps['updates']} updates.",
        "",
        "| quantity | measured | limit |",
        "|---|---|---|",
        f"| share of time waiting for data | {steps['median_waiting']:.3f} "
        f"| {LIMITS['waiting']:g} |",
        f"| step with everything / bare network step ({steps['median_everything']:.3f} s / "
        f"{steps['median_bare']:.3f} s) | {steps['step_ratio']:.3f} | {LIMITS['step_ratio']:g} |",
        f"| growth of memory from {COHORTS[0]} to {COHORTS[1]} cases, without what was granted "
        f"for cases {taken} "
        f"| {memory['growth']:+.3f} | {LIMITS['memory_growth']:+g} |",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
