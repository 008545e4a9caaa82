"""Time and memory of a large evaluation, and how often intervals hold the truth.

    python -m benchmarks.evaluation --write documentation/benchmarks.md

The large evaluation is ricenet_evaluate itself on a table of predictions, in a process of its own.
The coverage is that of simulated cohorts whose true metrics are known (`benchmarks.simulated`). The
truth is the metric of a population: what the metric of the model tends to with ever more cases.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import cover, limited, page, resident
from benchmarks.simulated import Population
from ricenet_v2.api.evaluation import evaluate
from ricenet_v2.api.evaluation_result import MetricOptions
from ricenet_v2.records.cells import digits
from ricenet_v2.store.tables import write_rows

N_LARGE, SECONDS, GIGABYTES = 100_000, 60, 2
PARTS = ("time", "coverage", "bands")
COHORT = Population(2, prevalence=0.6, auroc=0.9)
"""The positive class has its share in the paper's cohort."""

Floats = NDArray[np.float64]


def moved(probabilities: Floats, noise: Floats) -> Floats:
    """Probabilities (n, 2) with noise added to their log odds."""
    odds = np.log(probabilities[:, 1] / probabilities[:, 0]) + noise
    p = 1 / (1 + np.exp(-odds))
    return np.column_stack([1 - p, p])


def large(folder: Path, n_bootstrap: int, n_members: int) -> dict[str, float]:
    """Seconds and gigabytes of one ricenet_evaluate of 100,000 predictions, with members."""
    cohort = COHORT.labelled(N_LARGE, 1, np.random.default_rng(0))
    columns = {"prob_{}": cohort.probabilities}
    for fold in range(n_members):
        noise = np.random.default_rng(fold + 1).normal(scale=0.5, size=N_LARGE)
        columns[f"prob_{{}}__fold_{fold}"] = moved(cohort.probabilities, noise)
    rows = [
        {"case_id": name, "label": "ab"[truth]}
        | {key.format("ab"[k]): digits(p[n, k]) for key, p in columns.items() for k in (0, 1)}
        for n, (name, truth) in enumerate(zip(cohort.case_ids, cohort.truth, strict=True))
    ]
    write_rows(folder / "predictions.csv", rows)
    del rows, cohort
    start, start_cpu = time.perf_counter(), time.process_time()
    options = MetricOptions(n_bootstrap=n_bootstrap)
    evaluate(options=options, predictions=folder / "predictions.csv", output=folder)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - start_cpu,
        "gigabytes": resident.peak_bytes() / 1024**3,
    }


def time_section(time_of: dict[str, Any], n_bootstrap: int) -> str:
    """Markdown of the large evaluation."""
    rows = [
        (
            *key.split(),
            f"{run['seconds']:.1f} s",
            f"{run['cpu']:.1f} s",
            f"{run['gigabytes']:.2f} GiB",
            f"{SECONDS} s, {GIGABYTES} GiB",
        )
        for key, run in time_of.items()
    ]
    return "\n\n".join(
        [
            f"`ricenet_evaluate` of {N_LARGE:,} predictions of as many patients, two classes, "
            f"{n_bootstrap:,} samples, from reading the table to writing metrics and curves, "
            "without members and with the columns of an ensemble's members; "
            f"{page.machine('numpy', 'scipy')}. It runs in a process that is bound to that many "
            "cores, with one thread for each.",
            page.table(("members", "cores", "wall", "CPU", "largest memory", "limit"), rows),
        ]
    )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cohorts", type=int, default=400, help="of each kind")
    parser.add_argument("--old_cohorts", type=int, default=40, help="the same, by the old method")
    parser.add_argument("--n_bootstrap", type=int, default=2000)
    parser.add_argument("--members", type=int, nargs="+", default=[0, 5])
    parser.add_argument("--threads", type=int, nargs="+", default=[2])
    parser.add_argument("--output", type=Path, metavar="JSON")
    parser.add_argument("--write", type=Path, metavar="FILE")
    parser.add_argument("--only_measure", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.only_measure:
        with tempfile.TemporaryDirectory() as folder:
            print(json.dumps(large(Path(folder), chosen.n_bootstrap, chosen.members[0])))
        return
    sections: dict[str, str] = {}
    raw: dict[str, Any] = {}
    if "time" in chosen.parts:
        words = ["--only_measure", "--n_bootstrap", str(chosen.n_bootstrap), "--members"]
        times = {
            f"{m} {n}": limited.run("benchmarks.evaluation", [*words, str(m)], n)
            for m in chosen.members
            for n in chosen.threads
        }
        sections["evaluation_time"], raw["time"] = time_section(times, chosen.n_bootstrap), times
    cohorts = {cover.NEW: chosen.cohorts, cover.OLD: chosen.old_cohorts}
    if "coverage" in chosen.parts:
        cells = [cell for method, n in cohorts.items() if n for cell in cover.cells(method, n)]
        sections["evaluation_coverage"] = cover.section(cells, cohorts)
        raw["coverage"] = cover.raw(cells)
    if "bands" in chosen.parts:
        sections["evaluation_bands"] = cover.band_section(cohorts)
    print("\n\n".join(sections.values()))
    if chosen.output:
        chosen.output.write_text(json.dumps(raw, indent=2), encoding="utf-8")
    if chosen.write:
        for name, text in sections.items():
            page.write(chosen.write, name, text)


if __name__ == "__main__":
    main()
