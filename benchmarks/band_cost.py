"""What bands of absolute values cost or give where nothing needs them: several simulated cohorts.

    python -m benchmarks.band_cost --cohorts 0 1 2 3 4 5 6 7 --write documentation/benchmarks.md

Each cohort has patients of its own; its five folds are trained with bands and without, with the
same seed. A cohort gives one difference, so the differences are independent of each other, unlike
those of several training seeds on one cohort. Resumable: the same line goes on where it stopped.
"""

from __future__ import annotations

import argparse
import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from scipy import stats

from benchmarks import page
from benchmarks.cohorts import PHANTOM, cohort
from benchmarks.generalisation import train
from benchmarks.generalisation_table import BASE, NO_BANDS
from ricenet_v2.training.process_group import ProcessGroup, joined


@dataclass(frozen=True)
class Compared:
    """Mean AUROC of the five folds of a cohort, with bands and without."""

    seed: int
    bands: float
    none: float


def compared(chosen: argparse.Namespace, seed: int, process_group: ProcessGroup) -> Compared:
    """Train the five folds of a simulated cohort with bands and without."""
    workspace = chosen.workspace / f"cohort_{seed}"
    planned = cohort(workspace, PHANTOM, None, chosen.shape, None, chosen.preset, seed)
    overrides = {"epochs": str(chosen.epochs)}
    means = {
        variant: statistics.fmean(
            train(planned, variant, 0, fold, overrides, process_group).auroc
            for fold in range(len(planned.splits.folds))
        )
        for variant in (BASE, NO_BANDS)
    }
    return Compared(seed, means[BASE], means[NO_BANDS])


def section(results: Sequence[Compared], chosen: argparse.Namespace) -> str:
    """Markdown of all cohorts."""
    size = " x ".join(map(str, chosen.shape))
    lines = [
        f"Preset {chosen.preset}, {size} voxels, {chosen.epochs} epochs; 80 cases a cohort, AUROC "
        "of the out-of-fold cases, mean of the five folds.",
        "",
        "| cohort | bands | no bands | difference |",
        "| --- | --- | --- | --- |",
        *(
            f"| {each.seed} | {each.bands:.3f} | {each.none:.3f} | {each.bands - each.none:+.3f} |"
            for each in results
        ),
    ]
    differences = [each.bands - each.none for each in results]
    if len(differences) < 2:
        return "\n".join(lines)
    mean, error = statistics.fmean(differences), statistics.stdev(differences)
    half = stats.t.ppf(0.975, len(differences) - 1) * error / math.sqrt(len(differences))
    columns = [
        statistics.fmean(column)
        for column in zip(*((r.bands, r.none) for r in results), strict=True)
    ]
    means = " | ".join(f"{value:.3f}" for value in columns)
    lines += [
        f"| mean | {means} | {mean:+.3f} ({mean - half:+.3f} to {mean + half:+.3f}) |",
        "",
        "In brackets: 95 % interval by Student's t of the cohorts.",
    ]
    return "\n".join(lines)


def main() -> None:
    """Train, print and, on request, write the section."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, nargs="+", default=list(range(8)), help="seeds")
    parser.add_argument("--workspace", type=Path, default=Path("band_cost_benchmark"))
    parser.add_argument("--shape", type=int, nargs=3, default=(16, 20, 16))
    parser.add_argument("--preset", default="small")
    parser.add_argument("--epochs", type=int, default=60)
    parser.add_argument("--device")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="page whose section is rewritten"
    )
    chosen = parser.parse_args()
    if chosen.write:
        page.rewrite(chosen.write.read_text(encoding="utf-8"), "band_cost", "")
    results = []
    with joined(chosen.device) as process_group:
        for seed in chosen.cohorts:
            results.append(compared(chosen, seed, process_group))
            print(results[-1], flush=True)
    text = section(results, chosen)
    print(text)
    if chosen.write:
        page.write(chosen.write, "band_cost", text)


if __name__ == "__main__":
    main()
