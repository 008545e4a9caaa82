"""How often intervals of single metrics hold the truth, over a grid of simulated cohorts."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from benchmarks import page
from benchmarks.simulated import Population, truths
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.consistency import ERROR, RELIABILITY, RESOLUTION
from ricenet_v2.evaluation.estimates import Estimates
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import MetricSet
from ricenet_v2.evaluation.proportions import of_class, proportion
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, WithinFolds

SIZES = (12, 40, 92, 300)
PREVALENCES = (0.05, 0.15, 0.35, 0.5)
AUROCS = (0.6, 0.75, 0.9, 0.97)
CLASSES = (2, 3)
PER_PATIENT = (1, 3)
N_SAMPLES = 500
LEAST_COVER, MOST_COVER = 0.93, 0.98
CALIBRATED = Population(2, prevalence=0.35, auroc=0.75)
LEAST_SHARE = 0.1
"""Cells in which fewer of the cohorts have an interval are left out, and counted."""
OF_CLASS = ("sensitivity", "specificity", "positive predictive value", "negative predictive value")
METRICS = (
    *("accuracy", *(f"{name} of the positive class" for name in OF_CLASS)),
    *("F1 of the positive class", "macro F1", "balanced accuracy", "MCC"),
    *("AUROC", WITHIN, "average precision", "Brier score", "log loss"),
)
NEW, OLD = "new", "BCa"
RARE = (0.15, 0.75)
"""Prevalence and AUROC of the cohorts in which intervals of earlier versions held least."""
N_FOLDS = 5

Floats = NDArray[np.float64]
Ends = tuple[float, float] | None
Method = Callable[[LabelledPredictions], Mapping[str, Ends]]


@dataclass(frozen=True)
class Cell:
    """Cohorts of one kind, and how often their intervals of one metric hold the truth.

    Attributes:
        method: Method of the intervals.
        metric: Name.
        n: Cases.
        per_patient: Cases of a patient.
        n_classes: Classes.
        prevalence: Prevalence of the positive class.
        auroc: AUROC of any two classes.
        there: Share of the cohorts with an interval.
        held: Share of these that hold the truth.
        width: Their mean width.
    """

    method: str
    metric: str
    n: int
    per_patient: int
    n_classes: int
    prevalence: float
    auroc: float
    there: float
    held: float
    width: float


def new(labelled: LabelledPredictions) -> dict[str, Ends]:
    """Intervals as ricenet_evaluate makes them."""
    last = len(labelled.classes) - 1
    name, called = labelled.classes[last], labelled.predicted == last
    estimates = Estimates(labelled, last, 0.95, 1, 0)
    within = WithinFolds.of(labelled, last)(np.ones((len(labelled), 1)))
    metrics = [
        *estimates.metrics(),
        estimates.within_folds(float(within[0])),
        proportion("accuracy", labelled, labelled.truth == labelled.predicted, None, 0.95),
        *of_class(labelled, called, last, name, 0.95),
    ]
    return {
        metric.name: None
        if metric.low is None or metric.high is None
        else (metric.low, metric.high)
        for metric in metrics
    }


def old(labelled: LabelledPredictions, n_samples: int = N_SAMPLES) -> dict[str, Ends]:
    """BCa intervals of a bootstrap by patient, as before; of shares there are none."""
    last, patients = len(labelled.classes) - 1, labelled.grouping
    metric_set, within = MetricSet.of(labelled, last), WithinFolds.of(labelled, last)

    def values(weights: Floats) -> Floats:
        return np.column_stack([metric_set.values(weights), within(weights)])

    whole = values(np.ones((len(labelled), 1)))[0]
    samples = replicated(values, patients.samples(n_samples, generator(0, "bootstrap")))
    left_out = replicated(values, patients.left_out())
    return {
        name: intervals.bca(float(whole[k]), samples[:, k], left_out[:, k])
        for k, name in enumerate((*metric_set.names, WITHIN))
    }


def in_folds(labelled: LabelledPredictions) -> LabelledPredictions:
    """Predictions in five folds, to which patients are dealt by the class of their first case."""
    first = np.unique(labelled.grouping.owner, return_index=True)[1]
    fold_of = np.empty(len(first), dtype=np.intp)
    fold_of[np.argsort(labelled.truth[first], kind="stable")] = np.arange(len(first)) % N_FOLDS
    return replace(labelled, folds=tuple(fold_of[labelled.grouping.owner].tolist()))


def cells(
    method: str, cohorts: int, sizes: Sequence[int] = SIZES, say: Callable[[str], None] = print
) -> Iterator[Cell]:
    """Every metric of every cell of the grid."""
    make: Method = {NEW: new, OLD: old}[method]
    grid = itertools.product(sizes, PER_PATIENT, CLASSES, PREVALENCES, AUROCS)
    for n, per_patient, n_classes, prevalence, auroc in grid:
        population = Population(n_classes, prevalence, auroc)
        random = np.random.default_rng(
            [n, per_patient, n_classes, round(100 * prevalence), round(100 * auroc)]
        )
        covered = [
            make(in_folds(population.labelled(n, per_patient, random))) for _ in range(cohorts)
        ]
        known, name = dict(truths(population)), population.classes[-1]
        known[WITHIN] = known["AUROC"]
        for metric in METRICS:
            at = metric.replace("the positive class", name)
            if np.isfinite(known[at]) and at in covered[0]:
                ends = [each[at] for each in covered if each[at] is not None]
                pair = np.array(ends, dtype=float).reshape(-1, 2)
                held = (pair[:, 0] <= known[at] + 1e-9) & (known[at] - 1e-9 <= pair[:, 1])
                proportion, width = (
                    float(x.mean()) if len(x) else 0.0 for x in (held, pair @ [-1, 1])
                )
                yield Cell(
                    method,
                    metric,
                    n,
                    per_patient,
                    n_classes,
                    prevalence,
                    auroc,
                    len(ends) / cohorts,
                    proportion,
                    width,
                )
        if auroc == AUROCS[-1] and prevalence == PREVALENCES[-1]:
            say(f"{method}: {n} cases, {per_patient} a patient, {n_classes} classes")


def rows(cells: Sequence[Cell], cohorts: Mapping[str, int]) -> Iterator[tuple[str, ...]]:
    """One for each method, metric and number of cases."""
    order = dict.fromkeys((each.metric, each.n) for each in cells)
    for metric, n in sorted(order, key=lambda key: (METRICS.index(key[0]), key[1])):
        for method in (NEW, OLD):
            matching = [x for x in cells if (x.metric, x.n, x.method) == (metric, n, method)]
            seen = [each for each in matching if each.there >= LEAST_SHARE]
            if not seen:
                continue
            held = np.array([each.held for each in seen])
            counts = np.round([each.there * cohorts[method] for each in seen])
            chance = np.array(stats.binom.cdf(np.round(held * counts), counts, LEAST_COVER))
            yield (
                metric,
                str(n),
                method,
                f"{held.min():.1%}",
                f"{np.mean(held):.1%}",
                f"{int((chance < 0.01).sum())} of {len(seen)}",
                f"{int((held > MOST_COVER).sum())}",
                f"{1 - np.mean([each.there for each in matching]):.0%}",
                f"{np.mean([each.width for each in seen]):.3f}",
            )


def section(cells: Sequence[Cell], cohorts: Mapping[str, int]) -> str:
    """Markdown."""
    count = len(PER_PATIENT) * len(CLASSES) * len(PREVALENCES) * len(AUROCS)
    text = (
        f"{count} kinds of cohorts of each number of cases n: {_either(CLASSES)} classes, the "
        f"positive one with a share of {_either(PREVALENCES, '.0%')}, AUROC of any two classes "
        f"{_either(AUROCS)}, {_either(PER_PATIENT)} cases a patient. `new` is what "
        f"ricenet_evaluate makes ({cohorts[NEW]:,} cohorts of each kind), `BCa` the bootstrap by "
        f"patient of before ({cohorts[OLD]:,} cohorts, {N_SAMPLES} samples). Least and mean cover "
        f"are over the kinds. Chance alone sees 95 % of {cohorts[NEW]:,} cohorts off by up to "
        f"{196 * (0.95 * 0.05 / cohorts[NEW]) ** 0.5:.1f} points, so the least of many kinds lies "
        "below the truth; `too seldom` counts the kinds whose cover is below "
        f"{LEAST_COVER:.0%} by more than chance (binomial, p below 0.01), `above {MOST_COVER:.0%}` "
        "those of which intervals are wider than they need be. `without` is the share of "
        "cohorts that have no interval; kinds where more than "
        f"{1 - LEAST_SHARE:.0%} have none are in no other column."
    )
    columns = (
        *("metric", "n", "interval", "least", "mean", "too seldom", f"above {MOST_COVER:.0%}"),
        *("without", "mean width"),
    )
    rare = (
        f"Of these kinds those of a rare class, {RARE[0]:.0%} positive, AUROC {RARE[1]}, one case "
        "a patient: how often the intervals hold the truth."
    )
    return "\n\n".join(
        [text, page.table(columns, list(rows(cells, cohorts))), rare, _rare_table(cells)]
    )


def _rare_table(every: Sequence[Cell]) -> str:
    """Cover at a low prevalence, before and now, by classes and cases."""
    matching = {
        (cell.metric, cell.n_classes, cell.method, cell.n): cell
        for cell in every
        if cell.per_patient == 1 and (cell.prevalence, cell.auroc) == RARE
    }
    rows = []
    for metric, n_classes in itertools.product(("macro F1", "balanced accuracy"), CLASSES):
        for method in (OLD, NEW):
            cells = [matching.get((metric, n_classes, method, n)) for n in SIZES]
            shares = ["-" if cell is None else f"{cell.held:.1%}" for cell in cells]
            rows.append((metric, n_classes, method, *shares))
    return page.table(("metric", "classes", "interval", *(f"n = {n}" for n in SIZES)), rows)


def band_section(cohorts: Mapping[str, int], population: Population = CALIBRATED) -> str:
    """Markdown: metrics that have a band in place of an interval, of a calibrated model."""
    known, rows = truths(population), []
    right = {ERROR: 0.0, RELIABILITY: 0.0, RESOLUTION: known[RESOLUTION]}
    for n, per_patient in itertools.product(SIZES, PER_PATIENT):
        random = np.random.default_rng([n, per_patient])
        drawn = [population.labelled(n, per_patient, random) for _ in range(cohorts[NEW])]
        samples = [
            {f.name: f for f in Estimates(each, 1, 0.95, N_SAMPLES, k).metrics()}
            for k, each in enumerate(drawn)
        ]
        earlier = [old(each) for each in drawn[: cohorts[OLD]]]
        for name, truth in right.items():
            of_metric = [each[name] for each in samples]
            ends = [f.calibrated or (np.nan, np.nan) for f in of_metric]
            values = np.array([f.value for f in of_metric], dtype=float)
            held = np.mean([low <= v <= high for v, (low, high) in zip(values, ends, strict=True)])
            mean = float(np.mean([f.debiased or 0.0 for f in of_metric]))
            cells = (f"{values.mean():.3f}", f"{mean:.3f}", f"{truth:.3f}", f"{held:.1%}")
            rows.append(
                (
                    name,
                    n,
                    per_patient,
                    *cells,
                    _held([interval[name] for interval in earlier], truth),
                )
            )
    text = (
        f"Metrics that chance adds to, {cohorts[NEW]:,} cohorts of a calibrated model of two "
        f"classes, {population.prevalence:.0%} positive, AUROC {population.auroc}, "
        f"{N_SAMPLES} draws: their mean, the mean of what is left without the part of chance, the "
        "truth, and how often the band of calibrated probabilities holds the metric. Last, how "
        f"often the interval of before (BCa) held the truth, of {cohorts[OLD]:,} of the cohorts."
    )
    columns = (
        *("metric", "n", "cases a patient", "mean", "without chance", "truth", "in the band"),
        "truth in the interval of before",
    )
    return "\n\n".join([text, page.table(columns, rows)])


def _held(ends: Sequence[Ends], truth: float) -> str:
    there = [pair for pair in ends if pair is not None]
    if not there:
        return "-"
    return f"{np.mean([low <= truth <= high for low, high in there]):.0%} of {len(there)}"


def _either(values: Sequence[float], form: str = "") -> str:
    *first, last = (format(value, form) for value in values)
    return f"{', '.join(first)} or {last}"


def raw(cells: Sequence[Cell]) -> list[dict[str, Any]]:
    """Cells for JSON."""
    return [asdict(each) for each in cells]
