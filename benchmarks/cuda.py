"""What only a CUDA device can tell: the price of a training step, its memory, and what helps it.

    python -m benchmarks.cuda --plans plans --plan_only     (anywhere, minutes)
    python -m benchmarks.cuda --plans plans --output cuda.json     (on the device, under 8 minutes)

1. steps: the step with everything on (loading, augmentation, averaged weights, schedule) against
   the bare step (forward, backward, optimiser on one resident batch), and the share of waiting.
2. memory: what plans from 1 to 40 GiB state against what the device took, in the precision in which
   each was counted.
3. folds: out-of-fold log loss and AUROC of networks trained on the device and on the CPU.
4. switches: cudnn_benchmark, channels_last, fused_optimiser, activation_checkpointing, TF32,
   torch.compile and CUDA graphs against none of them: outputs, memory, warm-up, time.
5. large_maps: maps of 2^30 to 2^32 elements against each sample alone.

No part begins after `--seconds`, and each row is written as soon as it is measured. Without a CUDA
device nothing is measured or written; `--dry` goes all the way in tiny sizes wherever it is.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import os
import statistics
import sys
import time
import traceback
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# This file must not be taken for the package `cuda` that torch imports.
sys.path = [folder for folder in sys.path if Path(folder or ".").resolve() != Path(__file__).parent]
if not any((Path(folder or ".") / "benchmarks").is_dir() for folder in sys.path):
    sys.path.append(str(Path(__file__).parents[1]))

import torch

from benchmarks.cuda_cohort import TINY, Plans, Sizes, checkpointed
from benchmarks.cuda_parts import PARTS, Machine, Row
from ricenet_v2.core.machine import GIB
from ricenet_v2.network.device import mixed_precision
from ricenet_v2.network.machine import described

_MOST_RATIO, _MOST_WAITING, _MEMORY = 1.10, 0.05, (0.90, 1.02)
_DEFAULT_SECONDS = 420.0
_MEMORY_WITHOUT = 80.0
"""GiB that plans are for which are made where no CUDA device is."""


def goals(rows: Mapping[str, Sequence[Row]]) -> list[Row]:
    """Each goal of the page with what was measured, and whether it holds."""
    timed = [row for row in rows.get("steps", ()) if "ratio" in row]
    stated = [row for row in rows.get("memory", ()) if _is_comparable(row)]
    outcomes = [
        _goal("step with everything on, of the bare step", _MOST_RATIO, _most(timed, "ratio")),
        _goal("share of waiting for data", _MOST_WAITING, _most(timed, "waiting_share")),
        _goal("memory taken, of that stated", _MEMORY[1], _most(stated, "taken_of_stated")),
    ]
    least = min((row["taken_of_stated"] for row in stated), default=None)
    outcomes.append(
        {
            "goal": "memory taken, of that stated, at least",
            "limit": _MEMORY[0],
            "measured": least,
            "holds": None if least is None else least >= _MEMORY[0],
        }
    )
    outcomes += [_alike(rows.get("folds", ()), figure) for figure in ("log_loss", "auroc")]
    return outcomes


def _is_comparable(row: Row) -> bool:
    """Mixed precision takes the same whichever half it is; float32 is another matter."""
    mixed = [row.get(name) != "float32" for name in ("counted_in", "runs_in")]
    return "taken_of_stated" in row and mixed[0] == mixed[1]


def _most(rows: Sequence[Row], name: str) -> float | None:
    return max((row[name] for row in rows), default=None)


def _goal(name: str, limit: float, measured: float | None) -> Row:
    holds = None if measured is None else measured <= limit
    return {"goal": name, "limit": limit, "measured": measured, "holds": holds}


def _alike(rows: Sequence[Row], figure: str) -> Row:
    """The difference of the devices' means against two standard errors of it over the seeds."""
    by_device: dict[str, list[float]] = {}
    for row in rows:
        if figure in row:
            by_device.setdefault(row["device"], []).append(row[figure])
    name = f"out-of-fold {figure}, difference of CUDA from CPU in standard errors over seeds"
    if len(by_device) != 2 or min(map(len, by_device.values())) < 2:
        return {"goal": name, "limit": 2.0, "measured": None, "holds": None}
    here, there = by_device.values()
    error = math.sqrt(sum(statistics.variance(each) / len(each) for each in (here, there)))
    difference = abs(statistics.mean(here) - statistics.mean(there))
    if not error:
        return _goal(name, 2.0, 0.0 if not difference else math.inf)
    return _goal(name, 2.0, difference / error)


def measure(machine: Machine, output: Path, seconds: float) -> int:
    """Run all parts; 1 where one failed or there was no time for it."""
    began, device = time.monotonic(), described(machine.device)
    results: dict[str, Any] = {
        "machine": dataclasses.asdict(device),
        "sizes": dataclasses.asdict(machine.plans.sizes),
        "workers": machine.workers,
        "is_dry": machine.is_dry,
        "faults": {},
    }
    rows: dict[str, list[Row]] = {}
    for name, part in PARTS.items():
        rows[name] = []
        try:
            if time.monotonic() - began > seconds:
                results["faults"][name] = f"not begun after {seconds:g} s"
                continue
            for row in part(machine):
                print(name, row, flush=True)
                rows[name].append(row)
                # After each row, so that an end of any kind keeps what was measured.
                _write(output, results | rows)
                if time.monotonic() - began > seconds:
                    results["faults"][name] = f"not ended after {seconds:g} s"
                    break
        except Exception:  # noqa: BLE001 - the other parts are to be measured
            results["faults"][name] = traceback.format_exc()
            print(results["faults"][name], file=sys.stderr, flush=True)
    results["goals"], results["seconds"] = goals(rows), time.monotonic() - began
    _write(output, results | rows)
    for row in results["goals"]:
        print(row)
    print(f"Written to {output}; {results['seconds']:.0f} s")
    return 1 if results["faults"] else 0


def _write(output: Path, results: Mapping[str, Any]) -> None:
    output.write_text(json.dumps(results, indent=1), encoding="utf-8")


def main(argv: list[str] | None = None) -> int:
    """Measure and write; 2 without a CUDA device."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, default=Path("cuda.json"))
    parser.add_argument("--side", type=int, default=224, help="voxels along each axis")
    parser.add_argument("--num_workers", type=int, default=max(1, (os.cpu_count() or 2) - 2))
    parser.add_argument("--plans", type=Path, help="folder in which plans are kept")
    parser.add_argument("--plan_only", action="store_true", help="fill the folder and stop")
    parser.add_argument("--gpu_memory_gb", type=float, help="budget of the plans that are timed")
    parser.add_argument(
        "--seconds", type=float, default=_DEFAULT_SECONDS, help="after which nothing more begins"
    )
    parser.add_argument("--dry", action="store_true", help="tiny sizes, on a CPU too")
    chosen = parser.parse_args(argv)
    has_device = torch.cuda.is_available()
    if not (has_device or chosen.dry or chosen.plan_only):
        print(
            "There is no CUDA device here, so nothing was measured and nothing written.",
            file=sys.stderr,
        )
        return 2
    device = torch.device("cuda", 0) if has_device else torch.device("cpu")
    plans = Plans(
        TINY if chosen.dry else Sizes(side=chosen.side),
        chosen.gpu_memory_gb or _budget(device, is_dry=chosen.dry),
        mixed_precision(device) if has_device else "bfloat16",
        chosen.plans,
    )
    if chosen.plan_only:
        for name in plans.names():
            plan = plans[name]
            gib = [f"{each / GIB:.2f} GiB" for each in (plan.memory.total, checkpointed(plan))]
            what = f"{name}: {plan.input_size}, batch {plan.training.batch_size}"
            print(f"{what}, {gib[0]}; with activation checkpointing {gib[1]}", flush=True)
        return 0
    machine = Machine(device, plans, 0 if chosen.dry else chosen.num_workers, chosen.dry)
    return measure(machine, chosen.output, chosen.seconds)


def _budget(device: torch.device, *, is_dry: bool) -> float:
    if is_dry:
        return max(TINY.budgets_gb)
    whole = described(device).memory_bytes if device.type == "cuda" else None
    return math.floor(0.9 * whole / GIB) if whole else 0.9 * _MEMORY_WITHOUT


if __name__ == "__main__":
    sys.exit(main())
