"""How often the intervals of the AUROC between centres hold the truth.

    python -m benchmarks.centres --write documentation/benchmarks.md

Centres whose true AUROCs have normal logits; in each, normal scores of both classes. Held must be
the AUROC of an average centre, and that of one more centre.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import special, stats

from benchmarks import page
from ricenet_v2.evaluation.centres import logits_of
from ricenet_v2.evaluation.random_effects import random_effects

CENTRES, SIZES, SPREADS, AREAS = (3, 5, 8, 15), (5, 10, 20), (0.0, 0.5), (0.75, 0.9)
LEVEL = 0.95

Floats = NDArray[np.float64]


def area_of(n: int, true: float, random: np.random.Generator) -> float:
    """The AUROC in a centre of n cases of the class and 2 n others."""
    apart = np.sqrt(2) * stats.norm.ppf(true)
    positives, others = random.normal(apart, 1, n), random.normal(0, 1, 2 * n)
    return float((positives[:, None] > others).mean())


def held(
    n_centres: int, n: int, spread: float, area: float, cohorts: int
) -> tuple[float, float, float]:
    """How often the mean and a new centre were held, and the mean width of the prediction."""
    random = np.random.default_rng([n_centres, n, int(10 * spread), int(100 * area)])
    results = []
    for _ in range(cohorts):
        true = special.expit(special.logit(area) + spread * random.normal(size=n_centres + 1))
        areas = np.array([area_of(n, centre, random) for centre in true[:-1]])
        effects = random_effects(*logits_of(areas, [(n, 2 * n)] * n_centres))
        low, high = special.expit(effects.interval(LEVEL))
        new_low, new_high = special.expit(effects.prediction(LEVEL))
        results.append((low <= area <= high, new_low <= true[-1] <= new_high, new_high - new_low))
    mean, new, width = np.mean(results, axis=0)
    return float(mean), float(new), float(width)


def section(cohorts: int) -> str:
    """The table, one row for each number of centres and of cases."""
    cells = list(product(SPREADS, AREAS))
    rows = [
        (
            f"{n_centres} of {n} + {2 * n}",
            *(
                f"{mean:.0%}, {new:.0%} ({width:.2f})"
                for mean, new, width in (held(n_centres, n, *cell, cohorts) for cell in cells)
            ),
        )
        for n_centres, n in product(CENTRES, SIZES)
    ]
    names = [f"SD {spread:g}, AUROC {area:g}" for spread, area in cells]
    return "\n\n".join(
        [
            f"{cohorts:,} simulated sets of centres for each cell: how often the {LEVEL:.0%} "
            "interval holds the AUROC of an average centre, how often the prediction interval that "
            "of a new one, and the mean width of the latter. SD is that of the logit between "
            "centres. The simulation itself is off by up to "
            f"{196 * (LEVEL * (1 - LEVEL) / cohorts) ** 0.5:.1f} points (95 %).",
            page.table(("centres, cases of the class + others", *names), rows),
        ]
    )


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=1000, help="of each cell")
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    text = section(chosen.cohorts)
    print(text)
    if chosen.write:
        page.write(chosen.write, "centres", text)


if __name__ == "__main__":
    main()
