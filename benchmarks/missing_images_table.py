"""The tables of the benchmark of missing images: AUROCs of its networks, and their differences."""

from __future__ import annotations

import argparse
import dataclasses
import statistics
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks import page
from ricenet_v2.evaluation.delong import Areas, areas
from ricenet_v2.evaluation.resampling import Patients

RATE = 0.3
ALLOWED, NO_CHANNELS, NO_PATIENTS, WHOLE, TWO = NETWORKS = (
    "allowed", "without the channels", "without the patients", "nothing missing", "two networks",
)  # fmt: skip
COMPARED = (
    (ALLOWED, NO_PATIENTS, True, 0.0),
    (ALLOWED, TWO, False, 0.0),
    (ALLOWED, NO_CHANNELS, False, -0.05),
    (WHOLE, NO_PATIENTS, True, None),
    (ALLOWED, WHOLE, False, None),
)
"""The two networks of each difference, whether test patients are shown with all images, and what
the interval over seeds is asked to lie above."""


@dataclasses.dataclass(frozen=True)
class Scores:
    """Log odds of recurrence of the test cases by each of NETWORKS, axes (networks, cases).

    Attributes:
        from_all: Predictions from all images of each case.
        from_rest: Predictions from the images that the case has in the cohort with missing ones.
        truth: Whether each case is a recurrence.
    """

    from_all: NDArray[np.float64]
    from_rest: NDArray[np.float64]
    truth: NDArray[np.bool_]

    def areas(self, *, has_all: bool) -> Areas:
        """AUROCs with their covariance."""
        values = self.from_all if has_all else self.from_rest
        patients = Patients.of([str(n) for n in range(len(self.truth))])
        areas_of_networks = areas(values, self.truth, patients)
        if areas_of_networks is None:
            raise SystemExit("There are too few test patients of a class.")
        return areas_of_networks


@dataclasses.dataclass(frozen=True)
class Difference:
    """Mean difference of the AUROC of two networks, the ends of its 95 % intervals, its seeds.

    Attributes:
        mean: Mean over the seeds.
        seeds: Interval with seeds as units; NaN where there is one.
        patients: Interval over the test patients, given the networks.
        each: Difference of each seed.
    """

    mean: float
    seeds: tuple[float, float]
    patients: tuple[float, float]
    each: tuple[float, ...]


def difference(of_seeds: Sequence[Areas], first: int, other: int) -> Difference:
    """Difference of the network `one` to `other`.

    Errors of seeds are independent: their patients, weights and test sets are others.
    """
    n = len(of_seeds)
    each = [float(areas.values[first] - areas.values[other]) for areas in of_seeds]
    variances = [
        c[first, first] + c[other, other] - 2 * c[first, other]
        for c in (a.covariance for a in of_seeds)
    ]
    mean = statistics.fmean(each)
    spread = statistics.stdev(each) / n**0.5 if n > 1 else float("nan")
    by_seeds = float(stats.t.ppf(0.975, n - 1)) * spread
    by_patients = float(stats.norm.ppf(0.975)) * float(np.sqrt(sum(variances))) / n
    return Difference(
        mean,
        (mean - by_seeds, mean + by_seeds),
        (mean - by_patients, mean + by_patients),
        tuple(each),
    )


def section(scores: Sequence[Scores], chosen: argparse.Namespace) -> str:
    """The two tables and what they are of."""
    first = (
        f"{chosen.cases} training and {chosen.test_cases} test patients for each of "
        f"{len(scores)} seeds; {RATE:.0%} lack {f', {RATE:.0%} '.join(chosen.missing)}. "
        f"{' x '.join(map(str, chosen.shape))} voxels, {chosen.width} features in the first stage, "
        f"{chosen.epochs} epochs at {chosen.learning_rate:g}; {page.machine('torch')}. AUROC, mean "
        "(lowest to highest seed):"
    )
    rows = [
        [name, _summary(scores, n, has_all=False), _summary(scores, n, has_all=True)]
        for n, name in enumerate(NETWORKS)
    ]
    heads = ("network", "test patients with what they have", "with all images")
    titles = (
        "networks", "images of the test patients", "mean",
        "95 % interval, seeds", "95 % interval, test patients", "seeds above 0", "asked",
    )  # fmt: skip
    second = page.table(titles, [_compared(scores, *names) for names in COMPARED])
    return "\n\n".join([first, page.table(heads, rows), "Differences of the AUROC:", second])


def _summary(scores: Sequence[Scores], network: int, *, has_all: bool) -> str:
    if network == NETWORKS.index(NO_PATIENTS) and not has_all:
        return "cannot"
    values = [float(s.areas(has_all=has_all).values[network]) for s in scores]
    return f"{statistics.fmean(values):.3f} ({min(values):.3f} to {max(values):.3f})"


def _compared(
    scores: Sequence[Scores], first: str, other: str, has_all: bool, least: float | None
) -> list[str]:
    of_seeds = [each.areas(has_all=has_all) for each in scores]
    change = difference(of_seeds, NETWORKS.index(first), NETWORKS.index(other))
    return [
        f"{first} - {other}",
        "all" if has_all else "what they have",
        f"{change.mean:+.3f}",
        *(f"{low:+.3f} to {high:+.3f}" for low, high in (change.seeds, change.patients)),
        f"{sum(value > 0 for value in change.each)} of {len(change.each)}",
        "-" if least is None else f"above {least:g}: {'yes' if change.seeds[0] > least else 'no'}",
    ]
