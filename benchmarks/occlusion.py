"""Occlusion maps of the paper's ResNet-18, against MONAI's OcclusionSensitivity.

    bash benchmarks/setup_peers.sh
    .venv_peers/bin/python -m benchmarks.occlusion \
        --rows 8 --output occlusion.json --write documentation/benchmarks.md

3 x 128^3 voxels, windows of 16 voxels side by side, all channels set to 0, the same number of
images at a time for MONAI and for whole passes. Rows of windows along x are taken in turn by each
side; `--rows 8` takes eight of the 64, spread over the places along z and y, and an eighth of the
time. Leave it out for all 512 windows.
"""

from __future__ import annotations

import argparse
import functools
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks import limited, page, resident
from benchmarks.cuda_cohort import planned
from ricenet_v2.explanation.occlusion.log_odds import log_odds
from ricenet_v2.explanation.occlusion.passes import Runner, choose_pass
from ricenet_v2.explanation.occlusion.prepared import Occlusions, prepare
from ricenet_v2.explanation.occlusion.settings import Method, OcclusionSettings
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.records.plan import Plan

WINDOW, TARGET = 16, 1
MONAI, FULL, INCREMENTAL = "MONAI", "full", "incremental"
GOALS = {FULL: 2.0, INCREMENTAL: 4.0}
LARGEST_DIFFERENCE = 1e-4
GIB, WARM_UP = 1024**3, 64
Row = tuple[int, int]


@functools.cache
def paper() -> Plan:
    """The plan of the paper's cohort, whose spacing of 1 mm makes a voxel a millimetre."""
    return planned(128, 24, "paper", 2)


def network() -> Classifier:
    """The paper's network, with weights and running statistics that are not those of the start."""
    torch.manual_seed(0)
    plan = paper()
    built = build_network(plan.network, len(plan.channels), len(plan.classes)).eval()
    for layer in built.modules():
        if isinstance(layer, torch.nn.BatchNorm3d):
            torch.nn.init.normal_(layer.get_buffer("running_mean"), 0, 0.1)
            torch.nn.init.uniform_(layer.get_buffer("running_var"), 0.5, 2)
            torch.nn.init.uniform_(layer.weight, 0.5, 1.5)
            torch.nn.init.normal_(layer.bias, 0, 0.1)
    return built


def case(side: int, memory_gb: float) -> Occlusions:
    """Noise, and windows side by side that are set to 0 in all channels."""
    array = np.random.default_rng(0).normal(size=(3, side, side, side)).astype(np.float32)
    settings = OcclusionSettings(WINDOW, WINDOW, image="zero", dose="zero_gy", memory_gb=memory_gb)
    everywhere = np.ones(array.shape[1:], dtype=np.bool_)
    return prepare(array, everywhere, paper(), settings)


def rows(side: int, n: int | None) -> list[Row]:
    """Places (z, y) of rows of windows: all, or `n` that come to each z and each y in turn."""
    each = side // WINDOW
    if n is None:
        return [(z, y) for z in range(each) for y in range(each)]
    return [(i % each, (3 * i + i // each) % each) for i in range(n)]


class Peer:
    """MONAI's OcclusionSensitivity, with logits."""

    def __init__(self, classifier: Classifier, occlusions: Occlusions, batch: int) -> None:
        """Set it up for the same windows and filling."""
        from monai.visualize.occlusion_sensitivity import OcclusionSensitivity

        options = {"mode": 0.0, "overlap": 0.0, "activate": False, "verbose": False}
        self._run = OcclusionSensitivity(classifier, mask_size=WINDOW, n_batch=batch, **options)
        self._images = torch.from_numpy(occlusions.array)[None]

    def row(self, row: Row) -> torch.Tensor:
        """Logits (windows, classes) of one row of windows."""
        # MONAI widens the box by half a window; these bounds make it the row.
        z, y = (number * WINDOW + (WINDOW - 1) // 2 for number in row)
        values, _ = self._run(self._images, b_box=[z, z + 2, y, y + 2, -1, -1])
        return torch.as_tensor(values[0, :, 0, 0, WINDOW // 2 :: WINDOW]).T


class Side:
    """One method of this project."""

    def __init__(self, classifier: Classifier, occlusions: Occlusions, method: Method) -> None:
        """Choose the pass and the batch: part of what a map takes."""
        self._passes = choose_pass(classifier, occlusions, method)
        self._runner = Runner(classifier, occlusions, self._passes)
        self._rows = occlusions.windows.starts[:, :2] // WINDOW
        self.batch = self._runner.batch

    def row(self, row: Row) -> torch.Tensor:
        """Logits (windows, classes) of one row of windows."""
        return self._runner.logits(np.flatnonzero((self._rows == row).all(axis=1)))

    def one_batch(self) -> torch.Tensor:
        """Logits (windows, classes) of a batch from the middle of the image."""
        half = len(self._rows) // 2
        return self._runner.logits(np.arange(half, half + min(half, self.batch)))

    def share(self, n_windows: int) -> float:
        """Work so far, as a share of one forward pass for each window."""
        return self._passes.forward_passes / n_windows


def timed(work: Callable[[], Any]) -> tuple[Any, float, float]:
    """What it makes, its seconds, and its CPU seconds."""
    start, start_cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - start, time.process_time() - start_cpu


@torch.inference_mode()
def measure(given: tuple[Occlusions, Classifier], places: list[Row]) -> dict[str, Any]:
    """Seconds of each side row by row, what it takes to set up, and how far logits differ."""
    occlusions, classifier = given
    classifier(torch.zeros(1, 3, WARM_UP, WARM_UP, WARM_UP))
    full, *full_setup = timed(lambda: Side(classifier, occlusions, "full"))
    ours, *our_setup = timed(lambda: Side(classifier, occlusions, "incremental"))
    sides = {MONAI: Peer(classifier, occlusions, full.batch), FULL: full, INCREMENTAL: ours}
    setup = {MONAI: [0.0, 0.0], FULL: full_setup, INCREMENTAL: our_setup}
    seconds: dict[str, list[list[float]]] = {name: [] for name in sides}
    largest = dict.fromkeys((FULL, INCREMENTAL), 0.0)
    span, n_windows = 0.0, 0
    whole = log_odds(classifier(torch.from_numpy(occlusions.array)[None]), TARGET)
    for row in places:
        values = {}
        for name, each in sides.items():
            logits, *taken = timed(functools.partial(each.row, row))
            seconds[name].append(taken)
            values[name] = log_odds(logits, TARGET)
            print(f"row {row}, {name}: {taken[1]:.0f} CPU s", file=sys.stderr, flush=True)
        n_windows += len(values[MONAI])
        span = max(span, float((values[MONAI] - whole).abs().max()))
        for name in largest:
            apart = float((values[name] - values[MONAI]).abs().max())
            largest[name] = max(largest[name], apart)
    return {
        "seconds": seconds, "setup": setup, "difference": largest, "largest_change": span,
        "n_windows": n_windows, "batch": {FULL: full.batch, INCREMENTAL: ours.batch},
        "share": {FULL: full.share(n_windows), INCREMENTAL: ours.share(n_windows)},
    }  # fmt: skip


@torch.inference_mode()
def measure_memory(given: tuple[Occlusions, Classifier], method: Method) -> float:
    """GiB by which the process grows beyond the network and the case, at its highest."""
    occlusions, classifier = given
    classifier(torch.zeros(1, 3, WARM_UP, WARM_UP, WARM_UP))
    resident.forget_peak()
    before = resident.peak_bytes()
    ours = Side(classifier, occlusions, method)
    ours.one_batch()
    return (resident.peak_bytes() - before) / GIB


def section(results: dict[str, Any], side: int) -> str:
    """Markdown of the section."""
    rows = []
    for name, goal in GOALS.items():
        totals = {each: sum(cpu for _, cpu in results["seconds"][each]) for each in (MONAI, name)}
        per_window = {each: total / results["n_windows"] for each, total in totals.items()}
        pairs = [
            peer[1] / mine[1]
            for peer, mine in zip(results["seconds"][MONAI], results["seconds"][name], strict=True)
        ]
        # The set-up is paid once for a map of all rows.
        n_all = (side // WINDOW) ** 3
        with_setup = per_window[name] + results["setup"][name][1] / n_all
        rows.append(
            (
                name,
                results["batch"][name],
                f"{per_window[MONAI]:.2f} s",
                f"{with_setup:.2f} s",
                f"{per_window[MONAI] / with_setup:.2f} ({min(pairs):.2f} to {max(pairs):.2f})",
                f"at least {goal:g}",
                f"{results['share'][name]:.3f}",
                f"{results['difference'][name]:.1e}",
            )
        )
    return "\n\n".join(
        [
            f"{results['n_windows']} of {(side // WINDOW) ** 3} windows, row by row in turn, "
            f"3 x {side}^3 voxels, one thread; "
            f"{page.machine('monai', 'torch')}. CPU seconds of the process; MONAI with "
            f"{results['batch'][FULL]} images at a time. Ours with its set-up (a first pass, "
            "finding the batch) spread over all windows of the image.",
            page.table(
                (
                    "method",
                    "windows at a time",
                    "MONAI, per window",
                    "ours, per window",
                    "MONAI / ours (of rows)",
                    "goal",
                    "multiply-adds, of whole passes",
                    "largest difference of a logit",
                ),
                rows,
            ),
            f"The largest change of the logit by a window is {results['largest_change']:.1e}; the "
            f"goal of the difference is at most {LARGEST_DIFFERENCE:.0e}.",
            "Memory that the process took beyond the network and the case, and the bound given:",
            page.table(
                ("method", "bound", "taken at most"),
                [
                    (name, f"{bound} GiB", f"{taken:.2f} GiB")
                    for name, bound, taken in results["memory"]
                ],
            ),
        ]
    )


def main() -> None:
    """Run all sides in turn, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", type=int, default=128, help="voxels of each axis")
    parser.add_argument("--rows", type=int, help="of windows; all when left out")
    parser.add_argument("--memory_gb", type=float, default=2.0)
    parser.add_argument("--output", type=Path, metavar="JSON")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--only_measure", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--only_memory", choices=GOALS, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    places = rows(chosen.size, chosen.rows)
    if chosen.only_memory or chosen.only_measure:
        given = case(chosen.size, chosen.memory_gb), network()
        if chosen.only_memory:
            print(json.dumps(measure_memory(given, chosen.only_memory)))
        else:
            print(json.dumps(measure(given, places)))
        return
    words = ["--size", str(chosen.size), "--rows", str(len(places))]
    memory = []
    for name in GOALS:
        for bound in (1.0, chosen.memory_gb):
            requested = [*words, "--memory_gb", str(bound), "--only_memory", name]
            memory.append((name, bound, limited.run("benchmarks.occlusion", requested, 1)))
    requested = [*words, "--memory_gb", str(chosen.memory_gb), "--only_measure"]
    results = limited.run("benchmarks.occlusion", requested, 1)
    results["memory"] = memory
    if chosen.output:
        chosen.output.write_text(json.dumps(results, indent=2), encoding="utf-8")
    text = section(results, chosen.size)
    print(text)
    if chosen.write:
        page.write(chosen.write, "occlusion", text)


if __name__ == "__main__":
    main()
