"""What fingerprint and plan cost for 100, 1,000 and 10,000 cases whose measurements are kept.

    python -m benchmarks.planning --output planning.json --write documentation/benchmarks.md

The measurements are simulated (three channels, sizes and spacings of brain MRI with noise); reading
them, adding them up, writing the fingerprint, planning and writing the plan are the program's own.
The image files are there but empty: a run that opened one would fail.
"""

from __future__ import annotations

import argparse
import json
import logging
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks import page
from ricenet_v2.core import documents
from ricenet_v2.fingerprinting.cache import keep, kept
from ricenet_v2.fingerprinting.fingerprint import measure
from ricenet_v2.fingerprinting.measure import N_SAMPLES, CaseFiles, MeasuredCase
from ricenet_v2.network.cost import estimate
from ricenet_v2.planning.planner import make_plan
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.fingerprint import CaseMeasurement, ChannelMeasurement, Fingerprint
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, write_raw_tables

COUNTS = (100, 1_000, 10_000)
LIMIT_SECONDS = 60.0
CHANNELS = (
    Channel("T1c_post_op", "mri"),
    Channel("T1c_event", "mri"),
    Channel("dose", "dose", unit="Gy"),
)
NAME = "Dataset900_Simulated"


def simulated(case_id: str, rng: np.random.Generator) -> MeasuredCase:
    """A measurement as a head of about 170 x 210 x 165 mm would give it."""
    spacing = tuple(float(value) for value in rng.uniform(0.8, 1.2, 3))
    extent = (170, 210, 165) * rng.normal(1.0, 0.05, 3)
    box = [int(mm / step) for mm, step in zip(extent, spacing, strict=True)]
    samples: list[NDArray[np.float64]] = []
    channels = []
    for channel in CHANNELS:
        peak = 60.0 if channel.kind == "dose" else 1000.0
        values = np.sort(rng.gamma(4.0, peak / 16, N_SAMPLES))
        channels.append(
            ChannelMeasurement(
                mean=float(values.mean()),
                std=float(values.std()),
                minimum=float(values[0]),
                maximum=float(values[-1]),
                percentile_00_5=float(values[10]),
                percentile_50=float(values[1000]),
                percentile_99_5=float(values[-10]),
                percentile_99_9=float(values[-2]),
                outlier_share=float(rng.uniform(0, 0.01)),
            )
        )
        samples.append(values)
    measurement = CaseMeasurement(
        case_id=case_id,
        shape=(box[0] + 20, box[1] + 20, box[2] + 20),
        cropped_shape=(box[0], box[1], box[2]),
        spacing=(spacing[0], spacing[1], spacing[2]),
        foreground_share=float(rng.uniform(0.3, 0.5)),
        channels=tuple(channels),
    )
    return MeasuredCase(measurement, tuple(samples))


def simulated_dataset(folder: Path, count: int, cache: Path) -> RawDataset:
    """A raw dataset of empty files and a full cache; a shuffled table, as real ones are."""
    cases = [
        Case(f"case{number:05d}", f"patient{number:05d}", ("tumour", "RICE")[number % 2])
        for number in range(count)
    ]
    np.random.default_rng(0).shuffle(cases)
    write_raw_tables(folder, Dataset(NAME, CHANNELS, ("tumour", "RICE")), cases)
    (folder / "imagesTr").mkdir()
    raw, rng = load_raw_dataset(folder), np.random.default_rng(count)
    kinds = tuple(channel.kind for channel in CHANNELS)
    for case in raw.cases:
        for path in raw.images(case):
            path.touch()
        files = CaseFiles(case.case_id, raw.images(case), kinds, None)
        keep(kept(files, cache), simulated(case.case_id, rng))
    return raw


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall seconds, and seconds that the processor worked."""
    start, cpu = time.perf_counter(), time.process_time()
    work()
    return time.perf_counter() - start, time.process_time() - cpu


def run(count: int, workspace: Path) -> dict[str, float]:
    """Seconds of each step for so many cases."""
    cache = workspace / "measurements"
    raw = simulated_dataset(workspace / NAME, count, cache)
    fingerprints: list[Fingerprint] = []
    reading = timed(lambda: fingerprints.append(measure(raw, 1, cache)))
    target = workspace / "dataset_fingerprint.json"
    writing = timed(lambda: documents.write(target, fingerprints[0]))
    plan = workspace / "ricenet_plan.json"
    planning = timed(
        lambda: documents.write(plan, make_plan(fingerprints[0], raw.dataset, estimate))
    )
    steps = (reading, writing, planning)
    return {
        "cases": count,
        "fingerprint": reading[0],
        "writing": writing[0],
        "planning": planning[0],
        "total": sum(wall for wall, _ in steps),
        "cpu": sum(cpu for _, cpu in steps),
        "per_case_cpu_ms": 1000 * (reading[1] + writing[1]) / count,
    }


def main() -> None:
    """Run all counts, print a table, on request write it and the numbers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, metavar="FILE", help="numbers as JSON")
    parser.add_argument("--write", type=Path, metavar="FILE", help="page with a planning section")
    chosen = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    results = []
    for count in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            results.append(run(count, Path(folder)))
    numbers = {
        "machine": page.machine("numpy", "torch"),
        "limit_seconds": LIMIT_SECONDS,
        "runs": results,
        "per_case_10000_to_1000": results[2]["per_case_cpu_ms"] / results[1]["per_case_cpu_ms"],
    }
    rows = [
        (
            f"{result['cases']:,}",
            f"{result['fingerprint']:.1f} s",
            f"{result['writing']:.1f} s",
            f"{result['planning']:.1f} s",
            f"{result['total']:.1f} s",
            f"{result['cpu']:.1f} s",
            f"{result['per_case_cpu_ms']:.2f} ms",
        )
        for result in results
    ]
    columns = (
        "cases",
        "fingerprint",
        "writing it",
        "planning",
        "all",
        "all, in CPU seconds",
        "CPU per case, planning aside",
    )
    text = "\n\n".join(
        [
            f"{numbers['machine']}.",
            page.table(columns, rows),
            f"A case costs {numbers['per_case_10000_to_1000']:.2f} times as much among 10,000 as "
            f"among 1,000. 10,000 cases took {results[2]['total']:.1f} s on the clock, of which "
            f"the processor worked {results[2]['cpu']:.1f} s (goal: under {LIMIT_SECONDS:g} s).",
        ]
    )
    print(text)
    if chosen.output:
        chosen.output.write_text(json.dumps(numbers, indent=2) + "\n", encoding="utf-8")
    if chosen.write:
        page.write(chosen.write, "planning", text)


if __name__ == "__main__":
    main()
