"""How often intervals hold the truth: calibration, net benefit, predictive values, bands.

    python -m benchmarks.curve_intervals --write documentation/benchmarks.md

Cohorts are simulated over a grid of sizes, shares of the class, AUROCs and cases of a patient, of
calibrated models whose log odds are normal within each class. Each interval stands beside the one
of the textbook.
"""

from __future__ import annotations

import argparse
import itertools
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.special import expit, logit

from benchmarks import page
from ricenet_v2.evaluation.calibration import slope_and_intercept
from ricenet_v2.evaluation.curves.roc_band import band
from ricenet_v2.evaluation.flexible import flexible
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.net_benefit import over_all, over_none
from ricenet_v2.evaluation.observed_expected import observed_expected
from ricenet_v2.evaluation.predictive_values import Prevalence, at_prevalence

SIZES, SHARES = (12, 40, 92, 300), (0.05, 0.15, 0.35, 0.5)
AUROCS, CASES = (0.6, 0.75, 0.9, 0.97), (1, 3)
THRESHOLDS, ELSEWHERE, LEVEL = (0.1, 0.2, 0.5), 0.3, 0.95
FALSE = (0.1, 0.2, 0.4)
TEXTBOOK = {
    "observed : expected": "the same, Debray",
    "net benefit": "the same, Wald",
    "predictive value elsewhere": "the same, Mercaldo",
}
_Z = float(stats.norm.ppf((1 + LEVEL) / 2))

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Ends = tuple[float, float]


@dataclass(frozen=True)
class Setting:
    """What cohorts are drawn from.

    Attributes:
        n: Patients.
        share: Share of the class.
        auroc: AUROC of the cases.
        cases: Cases of each patient, all of one class, with correlated scores.
    """

    n: int
    share: float
    auroc: float
    cases: int

    def drawn(self, n: int, random: np.random.Generator) -> tuple[Flags, Floats]:
        """Truths and probabilities of the cases of n patients."""
        variance = 2 * float(stats.norm.ppf(self.auroc)) ** 2
        positive = np.repeat(random.random(n) < self.share, self.cases)
        part = 0.7 if self.cases > 1 else 0.0  # of the variance that is the patient's
        noise = np.repeat(random.normal(size=n), self.cases) * np.sqrt(part)
        noise += random.normal(size=len(positive)) * np.sqrt(1 - part)
        odds = logit(self.share) - variance / 2 + variance * positive + np.sqrt(variance) * noise
        return positive, expit(odds)


@dataclass(frozen=True)
class Truth:
    """What the intervals should hold, of a whole population.

    Attributes:
        benefits: Net benefit at each threshold.
        gains: What it is more than that of calling all.
        sensitivity: Sensitivity of calls from the share of the class on.
        specificity: The same.
    """

    benefits: tuple[float, ...]
    gains: tuple[float, ...]
    sensitivity: float
    specificity: float

    @classmethod
    def of(cls, setting: Setting) -> Truth:
        """Simulate 300,000 patients with one case."""
        alone = Setting(setting.n, setting.share, setting.auroc, 1)
        positive, p = alone.drawn(300_000, np.random.default_rng(1))
        called = p >= setting.share
        worth = [np.where(positive, 1.0, -at / (1 - at)) for at in THRESHOLDS]
        return cls(
            tuple(float((w * (p >= at)).mean()) for w, at in zip(worth, THRESHOLDS, strict=True)),
            tuple(float(-(w * (p < at)).mean()) for w, at in zip(worth, THRESHOLDS, strict=True)),
            float(called[positive].mean()),
            float((~called)[~positive].mean()),
        )

    def predictive(self) -> Ends:
        """Positive and negative predictive value elsewhere."""
        true, false = ELSEWHERE * self.sensitivity, (1 - ELSEWHERE) * (1 - self.specificity)
        missed = ELSEWHERE * (1 - self.sensitivity)
        right = (1 - ELSEWHERE) * self.specificity
        return true / (true + false), right / (right + missed)


Held = Iterator[tuple[str, bool | None]]
"""Metric, and whether its interval holds the truth; None where there is no interval."""


def inside(ends: Ends | None, truth: float) -> bool | None:
    """Whether an interval holds the truth; up to rounding."""
    return None if ends is None else ends[0] - 1e-9 <= truth <= ends[1] + 1e-9


def judged(positive: Flags, p: Floats, setting: Setting, truth: Truth) -> Held:
    """All intervals of one cohort."""
    patients = tuple(f"p{i // setting.cases:04d}" for i in range(len(p)))
    cases = tuple(f"c{i:05d}" for i in range(len(p)))
    called = (p >= setting.share).astype(np.intp)
    both = np.column_stack([1 - p, p])
    labelled = LabelledPredictions(
        cases, patients, positive.astype(np.intp), called, both, ("a", "b")
    )
    yield from of_the_share(labelled, positive, p)
    yield from of_slope_and_intercept(labelled)
    yield from of_benefits(labelled, positive, p, truth)
    yield from of_predictive_values(labelled, positive, called == 1, truth)
    yield from of_bands(labelled, p)
    yield from of_roc(labelled, setting)


def of_the_share(labelled: LabelledPredictions, positive: Flags, p: Floats) -> Held:
    """Observed : expected is 1."""
    (metric,) = observed_expected(labelled, 1, LEVEL)
    assert metric.low is not None
    assert metric.high is not None
    yield "observed : expected", inside((metric.low, metric.high), 1.0)
    observed, n = float(positive.sum()), len(positive)
    plain = None
    if 0 < observed < n:
        reach = np.exp(_Z * np.sqrt((1 - observed / n) / observed))
        ratio = observed / p.sum()
        plain = float(ratio / reach), float(ratio * reach)
    yield TEXTBOOK["observed : expected"], inside(plain, 1.0)


def of_slope_and_intercept(labelled: LabelledPredictions) -> Held:
    """Cover of slope 1 and intercept 0, those of calibrated probabilities."""
    known = (("calibration slope", 1.0), ("calibration intercept", 0.0))
    for metric, (name, truth) in zip(slope_and_intercept(labelled, 1, LEVEL), known, strict=True):
        ends = None if metric.low is None or metric.high is None else (metric.low, metric.high)
        yield name, inside(ends, truth)


def of_benefits(labelled: LabelledPredictions, positive: Flags, p: Floats, truth: Truth) -> Held:
    """Net benefit at each threshold, and what it is more than that of calling all."""
    patients = labelled.grouping
    for at, benefit, more in zip(THRESHOLDS, truth.benefits, truth.gains, strict=True):
        odds, called = at / (1 - at), p >= at
        interval = over_none(called, positive, odds, patients, LEVEL)
        yield "net benefit", inside((interval.low, interval.high), benefit)
        gain = called * np.where(positive, 1.0, -odds)
        reach = _Z * float(gain.std(ddof=1)) / np.sqrt(len(gain))
        plain = float(gain.mean() - reach), float(gain.mean() + reach)
        yield TEXTBOOK["net benefit"], inside(plain, benefit)
        interval = over_all(called, positive, odds, patients, LEVEL)
        yield "net benefit minus treat all", inside((interval.low, interval.high), more)


def of_predictive_values(
    labelled: LabelledPredictions, positive: Flags, called: Flags, truth: Truth
) -> Held:
    """Cover for calls from the share of the class on."""
    metrics = at_prevalence(labelled, called, Prevalence(1, ELSEWHERE), LEVEL)
    sides = ((called, positive, logit(ELSEWHERE)), (~called, ~positive, -logit(ELSEWHERE)))
    for metric, known, (hit, side, odds) in zip(metrics, truth.predictive(), sides, strict=True):
        ends = None if metric.low is None or metric.high is None else (metric.low, metric.high)
        yield "predictive value elsewhere", inside(ends, known)
        yield TEXTBOOK["predictive value elsewhere"], inside(mercaldo(hit, side, odds), known)


def mercaldo(hit: Flags, positive: Flags, odds: float) -> Ends | None:
    """The logit interval, adjusted where a cell is empty; one side alone, or no call: none."""
    hits, sizes = (hit[positive].sum(), hit[~positive].sum()), (positive.sum(), (~positive).sum())
    if min(sizes) == 0 or sum(hits) == 0:
        return None
    if any(h in {0, n} for h, n in zip(hits, sizes, strict=True)):
        hits = hits[0] + _Z**2 / 2, hits[1] + _Z**2 / 2
        sizes = sizes[0] + _Z**2, sizes[1] + _Z**2
    true, false = hits[0] / sizes[0], hits[1] / sizes[1]
    reach = _Z * np.sqrt((1 - true) / hits[0] + (1 - false) / hits[1])
    middle = odds + np.log(true / false)
    return float(expit(middle - reach)), float(expit(middle + reach))


def of_bands(labelled: LabelledPredictions, p: Floats) -> Held:
    """The flexible calibration curve at three quantiles of the probabilities."""
    fit, at = flexible(labelled, 1), np.quantile(p, [0.1, 0.5, 0.9])
    for place, known in enumerate(at):
        ends = None
        if not isinstance(fit, str):
            low, high = fit.band(at, LEVEL)
            ends = float(low[place]), float(high[place])
        yield "flexible calibration curve", inside(ends, float(known))


def of_roc(labelled: LabelledPredictions, setting: Setting) -> Held:
    """The ROC curve at three shares of false positives; of normal scores it is known."""
    if len(np.unique(labelled.truth)) < 2:
        return
    apart = np.sqrt(2) * stats.norm.ppf(setting.auroc)
    low, high = band(labelled, 1, np.array(FALSE), LEVEL)
    for place, share in enumerate(FALSE):
        known = float(stats.norm.cdf(apart - stats.norm.isf(share)))
        yield "ROC curve", inside((float(low[place]), float(high[place])), known)


def cover(setting: Setting, cohorts: int) -> dict[str, tuple[float, float]]:
    """Share of the intervals of each metric that hold the truth, and of those there are."""
    seed = (setting.n, round(100 * setting.share), round(100 * setting.auroc), setting.cases)
    random, truth = np.random.default_rng(seed), Truth.of(setting)
    covered: dict[str, list[bool | None]] = defaultdict(list)
    for _ in range(cohorts):
        positive, p = setting.drawn(setting.n, random)
        for name, held in judged(positive, p, setting, truth):
            covered[name].append(held)
    covers = {}
    for name, values in covered.items():
        there = [value for value in values if value is not None]
        covers[name] = (float(np.mean(there)) if there else np.nan, len(there) / len(values))
    return covers


def section(covers_of: dict[Setting, dict[str, tuple[float, float]]], cohorts: int) -> str:
    """Markdown: of each metric the lowest and the median cover of the settings of a size."""
    names = list(dict.fromkeys(name for by_name in covers_of.values() for name in by_name))
    rows = []
    for name, cases in itertools.product(names, CASES):
        cells = []
        for n in SIZES:
            covers = [
                by_name[name][0]
                for setting, by_name in covers_of.items()
                if (setting.n, setting.cases) == (n, cases) and by_name[name][1] >= 0.5
            ]
            cell = f"{min(covers):.1%} ({np.median(covers):.1%})" if covers else "none"
            cells.append(cell)
        rows.append((name, cases, *cells))
    return "\n\n".join(
        [
            f"{cohorts:,} simulated cohorts of each setting: {len(SHARES)} shares of the class "
            f"({', '.join(f'{by_name:.0%}' for by_name in SHARES)}), {len(AUROCS)} AUROCs "
            f"({', '.join(map(str, AUROCS))}). The lowest cover of the settings, and the median in "
            "brackets; settings where most cohorts have no interval are left out. The lowest of "
            f"{len(SHARES) * len(AUROCS)} shares that are all 95 % would be about "
            f"{lowest_by_chance(cohorts):.1%}. The net benefit is at the probabilities "
            f"{', '.join(map(str, THRESHOLDS))}, predictive values at a prevalence of {ELSEWHERE} "
            "of calls from the share of the class on, the calibration curve at the 10th, 50th and "
            "90th percentile of the probabilities, the ROC curve at shares of false positives of "
            f"{', '.join(map(str, FALSE))}. The textbook takes every case as a patient.",
            page.table(("metric", "cases a patient", *(f"{n} patients" for n in SIZES)), rows),
        ]
    )


def lowest_by_chance(cohorts: int) -> float:
    """Median of the lowest of as many shares as there are settings."""
    tail = 1 - 0.5 ** (1 / (len(SHARES) * len(AUROCS)))
    return float(stats.binom.ppf(tail, cohorts, LEVEL)) / cohorts


def main() -> None:
    """Measure, print, and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cohorts", type=int, default=200, help="of each setting")
    parser.add_argument("--write", type=Path, metavar="FILE")
    chosen = parser.parse_args()
    grid = [Setting(*setting) for setting in itertools.product(SIZES, SHARES, AUROCS, CASES)]
    text = section({setting: cover(setting, chosen.cohorts) for setting in grid}, chosen.cohorts)
    print(text)
    if chosen.write:
        page.write(chosen.write, "curve_intervals", text)


if __name__ == "__main__":
    main()
