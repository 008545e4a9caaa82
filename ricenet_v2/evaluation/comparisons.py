"""Runs compared on the same cases: DeLong, exact McNemar, paired bootstrap, Holm."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals, metrics
from ricenet_v2.evaluation.alike import Alike
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.evaluation.sums import brier_of
from ricenet_v2.records.comparison import Comparison, Pair

LEVEL = 0.95
FEW_DISCORDANT, FEW_PATIENTS = 6, 40
_RESAMPLED = ("accuracy", "macro F1", "balanced accuracy", "Brier score")

Floats = NDArray[np.float64]


def compare(
    alike: Alike,
    positive: int,
    n_bootstrap: int = 2000,
    seed: int = 0,
    against: str | None = None,
) -> Comparison:
    """Every figure of every two runs, or of every run and one that the others are held against.

    AUROC by DeLong's test: of the positive class, or of each class where there are more than two,
    whose mean is resampled. Accuracy by the exact test of McNemar; macro F1, balanced accuracy and
    Brier score by paired bootstrap of patients, with BCa intervals of the differences.

    Args:
        alike: Runs on the same cases.
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Resamples.
        seed: Of the resampling.
        against: Name of the run that all others are compared with (as `b`); every two where None.
    """
    runs = alike.runs
    names = list(runs)
    pairs = list(combinations(range(len(names)), 2))
    if against is not None:
        pairs = [(a, names.index(against)) for a in range(len(names)) if names[a] != against]
    resampled = _resampled_figures(list(runs.values()), n_bootstrap, seed)
    made: list[Pair] = []
    for a, b in pairs:
        both = runs[names[a]], runs[names[b]]
        found = [
            *_areas(both, positive),
            *(figure.pair(a, b, n_bootstrap, seed) for figure in resampled),
        ]
        made += [dataclasses.replace(pair, a=names[a], b=names[b], n=len(alike)) for pair in found]
        made[-len(resampled)] = _mcnemar(made[-len(resampled)], both)
    first = next(iter(runs.values()))
    warned = [_warned(pair, first, alike.warning) for pair in holm(made)]
    return Comparison(
        runs=tuple(names),
        classes=first.classes,
        positive_class=first.classes[positive],
        n_cases=len(first),
        n_patients=first.grouping.count,
        left_out=alike.left_out,
        pairs=tuple(warned),
        level=LEVEL,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )


def _areas(both: tuple[Scored, Scored], positive: int) -> list[Pair]:
    """DeLong's test of one class, or of each."""
    first = both[0]
    two = len(first.classes) == 2
    made = []
    for index in (positive,) if two else range(len(first.classes)):
        name = "AUROC" if two else f"AUROC of {first.classes[index]}"
        scores = np.stack([run.probabilities[:, index] for run in both])
        found = areas(scores, first.truth == index, first.grouping)
        kind = "Obuchowski (DeLong by patient)" if first.grouping.is_clustered else "DeLong"
        if found is None:
            nothing = (None,) * 5
            made.append(Pair(name, "", "", *nothing, kind, None, None, 0, "one class only"))
            continue
        difference, low, high, p = found.difference(0, 1, LEVEL)
        values = float(found.values[0]), float(found.values[1])
        why = "" if low is not None else "no interval: the estimated variance is 0"
        made.append(Pair(name, "", "", *values, difference, low, high, kind, p, None, 0, why))
    return made


@dataclasses.dataclass(frozen=True)
class _Resampled:
    """One figure of all runs: its values (runs,), of samples and of those that leave out."""

    name: str
    values: Floats
    replicates: Floats
    left_out: Floats

    def pair(self, a: int, b: int, n_bootstrap: int, seed: int) -> Pair:
        """Compare two runs."""
        change = float(self.values[a] - self.values[b])
        differences = self.replicates[:, a] - self.replicates[:, b]
        ends = intervals.bca(change, differences, self.left_out[:, a] - self.left_out[:, b], LEVEL)
        low, high = ends or (None, None)
        p = 1.0 if not np.any(differences) else intervals.two_sided_p(differences)
        how = f"paired bootstrap by patient, {n_bootstrap} samples, seed {seed}"
        values = metrics.known(self.values[a]), metrics.known(self.values[b])
        difference = metrics.known(change)
        return Pair(self.name, "", "", *values, difference, low, high, how, p, None, 0)


def _resampled_figures(runs: Sequence[Scored], n_bootstrap: int, seed: int) -> list[_Resampled]:
    """Of all runs on the same samples, axes (samples, figures, runs) in between."""
    several = len(runs[0].classes) > 2
    names = [*_RESAMPLED, *(["AUROC"] if several else [])]
    right = np.stack([(run.truth == run.predicted).astype(np.float64) for run in runs])
    brier = np.stack([brier_of(run.truth, run.probabilities) for run in runs])
    rankings = [_rankings(run) if several else [] for run in runs]
    present = runs[0].counts.sum(axis=1) > 0

    def figures(weights: Floats) -> Floats:
        total = weights.sum(axis=0)
        counts = np.stack([_counts(run, weights) for run in runs])
        f1 = metrics.macro_f1(counts)
        lacking = (counts.sum(axis=3) == 0)[:, :, present].any(axis=2)
        balanced = metrics.balanced_accuracy(counts)
        parts = [
            right @ weights / total,
            np.where(lacking, np.nan, f1),
            np.where(lacking, np.nan, balanced),
            brier @ weights / total,
        ]
        if several:
            found = [np.mean([r.figures(weights)[0] for r in each], axis=0) for each in rankings]
            parts.append(np.stack(found))
        return np.stack(parts).transpose(2, 0, 1)

    patients = runs[0].grouping
    values = figures(np.ones((len(runs[0]), 1)))[0]
    random = generator(seed, "bootstrap")
    replicates = replicated(figures, patients.samples(n_bootstrap, random))
    left_out = replicated(figures, patients.left_out())
    return [
        _Resampled(name, values[i], replicates[:, i], left_out[:, i])
        for i, name in enumerate(names)
    ]


def _rankings(run: Scored) -> list[Ranking]:
    return [Ranking.of(run.probabilities[:, k], run.truth == k) for k in range(len(run.classes))]


def _counts(run: Scored, weights: Floats) -> Floats:
    """Confusion matrices (samples, truth, predicted)."""
    n_classes = len(run.classes)
    codes = run.truth * n_classes + run.predicted
    cells = np.stack([weights[codes == code].sum(axis=0) for code in range(n_classes**2)], axis=1)
    return cells.reshape(-1, n_classes, n_classes)


def _mcnemar(pair: Pair, both: tuple[Scored, Scored]) -> Pair:
    """The pair with the exact test of the cases that only one of the runs calls right."""
    first, second = ((run.truth == run.predicted) for run in both)
    only_a, only_b = int(np.sum(first & ~second)), int(np.sum(~first & second))
    discordant = only_a + only_b
    p = float(stats.binomtest(only_a, discordant).pvalue) if discordant else 1.0
    test = f"exact McNemar, {only_a} right in the first only, {only_b} in the second only; "
    warnings = []
    if discordant < FEW_DISCORDANT:
        warnings.append(f"{discordant} cases differ: p cannot fall below 0.05")
    if both[0].grouping.is_clustered:
        warnings.append("McNemar takes the cases of a patient as independent")
    told = f"{test}interval by {pair.test}"
    return dataclasses.replace(pair, p=p, test=told, warning="; ".join(warnings))


def _warned(pair: Pair, run: Scored, warning: str) -> Pair:
    count = run.grouping.count
    few = f"only {count} patients" if count < FEW_PATIENTS else ""
    return dataclasses.replace(pair, warning="; ".join(filter(None, (pair.warning, few, warning))))


def holm(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with p-values corrected by Holm's method over the pairs of each figure."""
    groups: Mapping[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        groups[pair.figure].append(index)
    made = list(pairs)
    for group in groups.values():
        known = sorted((p, index) for index in group if (p := pairs[index].p) is not None)
        largest = 0.0
        for rank, (p, index) in enumerate(known):
            largest = max(largest, min(1.0, (len(known) - rank) * p))
            made[index] = dataclasses.replace(made[index], p_holm=largest)
    return made
