"""Time and memory of a large evaluation, and how often intervals hold the truth.

    python -m benchmarks.evaluation --write documentation/benchmarks.md

The large evaluation is ricenet_evaluate itself on a table of predictions, in a process of its own.
The coverage is that of simulated cohorts whose true figures are known: the two classes have normal
scores of the same width, one above the other, and the probabilities are those of the scores.
"""

from __future__ import annotations

import argparse
import json
import resource
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks import limited, page
from ricenet_v2.cli.evaluate import evaluate
from ricenet_v2.evaluation.battery import Battery
from ricenet_v2.evaluation.evaluate import Options, figures_of
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.cells import digits
from ricenet_v2.store.tables import write_rows

N_LARGE, SECONDS, GIGABYTES = 100_000, 60, 2
SIZES = (12, 40, 92)
PARTS = ("time", "coverage")
SHIFT = 1.8
"""Distance of the classes in standard deviations; the AUROC is then 0.90."""
SHARE = 0.6
"""Of the positive class, as in the paper's cohort."""
RESAMPLED = ("macro F1", "balanced accuracy", "MCC", "AUROC", "average precision", "Brier score")
SHARES = ("accuracy", "sensitivity of b", "specificity of b")

Floats = NDArray[np.float64]


def drawn(n: int, random: np.random.Generator) -> tuple[NDArray[np.intp], Floats]:
    """Truths (n,) and probabilities (n, 2); both classes are there."""
    truth = np.zeros(n, dtype=np.intp)
    while not 1 < truth.sum() < n - 1:
        truth = (random.random(n) < SHARE).astype(np.intp)
    scores = random.normal(size=n) + SHIFT * truth
    odds = SHIFT * (scores - SHIFT / 2) + np.log(SHARE / (1 - SHARE))
    p = 1 / (1 + np.exp(-odds))
    return truth, np.column_stack([1 - p, p])


def scored(n: int, random: np.random.Generator) -> Scored:
    """A cohort of n patients."""
    truth, probabilities = drawn(n, random)
    names = tuple(f"c{number:06d}" for number in range(n))
    called = probabilities.argmax(axis=1)
    return Scored(names, names, truth, called, probabilities, ("a", "b"))


def moved(probabilities: Floats, noise: Floats) -> Floats:
    """Probabilities (n, 2) with noise added to their log odds."""
    odds = np.log(probabilities[:, 1] / probabilities[:, 0]) + noise
    p = 1 / (1 + np.exp(-odds))
    return np.column_stack([1 - p, p])


def large(folder: Path, n_bootstrap: int, n_members: int) -> dict[str, float]:
    """Seconds and gigabytes of one ricenet_evaluate of 100,000 predictions, with members."""
    cohort = scored(N_LARGE, np.random.default_rng(0))
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
    evaluate(predictions=folder / "predictions.csv", output=folder, n_bootstrap=n_bootstrap)
    return {
        "seconds": time.perf_counter() - start,
        "cpu": time.process_time() - start_cpu,
        "gigabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024**2,
    }


@dataclass(frozen=True)
class Coverage:
    """How often the intervals of one figure hold the truth.

    Attributes:
        name: Of the figure.
        n: Patients of each cohort.
        held: Share of the intervals that do.
        undefined: Share of the cohorts that have no interval.
    """

    name: str
    n: int
    held: float
    undefined: float


def truths(n: int = 1_000_000) -> dict[str, float]:
    """The figures of a whole population; slope and intercept are right by construction."""
    truth, p = drawn(n, np.random.default_rng(99))
    called = p.argmax(axis=1)
    battery = Battery.of(Scored((), (), truth, called, p, ("a", "b")), 1)
    values = battery.values(np.ones((n, 1)))[0]
    return {
        **dict(zip(battery.names, map(float, values), strict=True)),
        "accuracy": float(np.mean(truth == called)),
        "sensitivity of b": float(np.mean(called[truth == 1] == 1)),
        "specificity of b": float(np.mean(called[truth == 0] == 0)),
        "calibration slope of b": 1.0,
        "calibration intercept of b": 0.0,
    }


def intervals(n: int, cohorts: int, n_bootstrap: int) -> Iterator[dict[str, Any]]:
    """Figures with intervals of cohorts of n patients, by name."""
    random = np.random.default_rng(n)
    for _ in range(cohorts):
        cohort = scored(n, random)
        found = figures_of(cohort, Options(1, n_bootstrap=n_bootstrap))
        yield {figure.name: (figure.low, figure.high) for figure in found}


def coverage(n: int, cohorts: int, n_bootstrap: int, known: dict[str, float]) -> list[Coverage]:
    """Of each figure."""
    found = list(intervals(n, cohorts, n_bootstrap))
    made = []
    for name in (*RESAMPLED, *SHARES, "calibration slope of b", "calibration intercept of b"):
        ends = [one[name] for one in found if one[name][0] is not None]
        held = [low <= known[name] <= high for low, high in ends]
        share = float(np.mean(held)) if held else float("nan")
        made.append(Coverage(name, n, share, 1 - len(ends) / cohorts))
    return made


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
            f"{n_bootstrap:,} samples, from reading the table to writing figures and curves, "
            "without members and with the columns of an ensemble's members; "
            f"{page.machine('numpy', 'scipy')}. It runs in a process that is bound to that many "
            "cores, with one thread for each.",
            page.table(("members", "cores", "wall", "CPU", "largest memory", "limit"), rows),
        ]
    )


def coverage_section(found: list[Coverage], cohorts: int, n_bootstrap: int) -> str:
    """Markdown of the coverage."""
    by = {(one.name, one.n): one for one in found}
    rows = []
    for name in dict.fromkeys(one.name for one in found):
        cells = []
        for n in SIZES:
            one = by[name, n]
            some = f" ({one.undefined:.0%} without)" if one.undefined >= 0.005 else ""
            cells.append(f"{one.held:.1%}{some}")
        rows.append((name, *cells))
    return "\n\n".join(
        [
            f"{cohorts:,} simulated cohorts of each size, {SHARE:.0%} positive, true AUROC 0.90, "
            f"{n_bootstrap:,} samples. The simulation itself is off by up to "
            f"{196 * (0.95 * 0.05 / cohorts) ** 0.5:.1f} points (95 %). `without`: cohorts that "
            "have no interval; the share is of the others.",
            page.table(("figure", *(f"n = {n}" for n in SIZES)), rows),
        ]
    )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--cohorts", type=int, default=1000, help="of each size")
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
    if "coverage" in chosen.parts:
        known = truths()
        found = [
            one for n in SIZES for one in coverage(n, chosen.cohorts, chosen.n_bootstrap, known)
        ]
        made = coverage_section(found, chosen.cohorts, chosen.n_bootstrap)
        sections["evaluation_coverage"], raw["coverage"] = made, [vars(one) for one in found]
    print("\n\n".join(sections.values()))
    if chosen.output:
        chosen.output.write_text(json.dumps(raw, indent=2), encoding="utf-8")
    if chosen.write:
        for name, made in sections.items():
            page.write(chosen.write, name, made)


if __name__ == "__main__":
    main()
