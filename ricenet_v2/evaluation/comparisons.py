"""Runs compared on the same cases: DeLong, exact McNemar, swaps by patient, Holm."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from ricenet_v2.evaluation.alike import Alike
from ricenet_v2.evaluation.battery import AUROC
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.folds import offset
from ricenet_v2.evaluation.paired import LEVEL, Paired
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.comparison import Comparison, Pair

FEW_DISCORDANT, FEW_PATIENTS = 6, 40


def compare(
    alike: Alike,
    positive: int,
    n_bootstrap: int = 2000,
    seed: int = 0,
    against: str | None = None,
) -> Comparison:
    """Every figure of every two runs, or of every run and one that the others are held against.

    AUROC by DeLong's test: of the positive class, or of each class where there are more than two,
    whose mean is resampled. Accuracy by the exact test of McNemar; macro F1, balanced accuracy,
    Brier score, and the AUROC within folds of runs on the same folds, by swapping the runs patient
    by patient. Intervals of these differences are BCa ones of a paired bootstrap of patients.

    Args:
        alike: Runs on the same cases.
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Resamples, and the most swaps.
        seed: Of both.
        against: Name of the run that all others are compared with (as `b`); every two where None.
    """
    runs = alike.runs
    names = list(runs)
    pairs = list(combinations(range(len(names)), 2))
    if against is not None:
        pairs = [(a, names.index(against)) for a in range(len(names)) if names[a] != against]
    resampled = Paired.of(list(runs.values()), positive, n_bootstrap, seed)
    offsets = _offsets(runs, positive, n_bootstrap, seed)
    made: list[Pair] = []
    for a, b in pairs:
        both = runs[names[a]], runs[names[b]]
        accuracy, *others = resampled.pairs(a, b)
        found = [*_areas(both, positive), _mcnemar(accuracy, both), *others]
        made += [dataclasses.replace(pair, a=names[a], b=names[b], n=len(alike)) for pair in found]
    first = next(iter(runs.values()))
    warned = [_warned(pair, first, offsets, alike.warning) for pair in holm(made)]
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
        name = AUROC if two else f"{AUROC} of {first.classes[index]}"
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
    told = test + pair.test[pair.test.index("interval by") :]
    return dataclasses.replace(pair, p=p, test=told, warning="; ".join(warnings))


def _offsets(
    runs: Mapping[str, Scored], positive: int, n_bootstrap: int, seed: int
) -> dict[str, str]:
    """Warnings of the runs whose folds are offset against each other, by name."""
    found = {name: offset(run, positive, n_bootstrap, seed, LEVEL) for name, run in runs.items()}
    return {
        name: f"AUROC of {name}: {one.warning}"
        for name, one in found.items()
        if one and one.warning
    }


def _warned(pair: Pair, run: Scored, offsets: Mapping[str, str], warning: str) -> Pair:
    count = run.grouping.count
    few = f"only {count} patients" if count < FEW_PATIENTS else ""
    pooled = pair.figure == AUROC or pair.figure.startswith(f"{AUROC} of ")
    told = [offsets.get(name, "") for name in (pair.a, pair.b)] if pooled else []
    words = filter(None, (pair.warning, *told, few, warning))
    return dataclasses.replace(pair, warning="; ".join(words))


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
