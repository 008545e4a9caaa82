"""Runs compared on the same cases: paired permutations, exact McNemar, DeLong, Holm."""

from __future__ import annotations

import dataclasses
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np
from scipy import stats

from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.aligned_runs import AlignedRuns
from ricenet_v2.evaluation.compared_metrics import (
    ACCURACY,
    BALANCED,
    LOG_LOSS,
    MACRO_F1,
    auroc_of,
    values_of,
)
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.paired import LEVEL, PermutationScheme, share_folds
from ricenet_v2.evaluation.paired_permutation import FEWEST, Ends
from ricenet_v2.evaluation.swapped_differences import Term
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, offset
from ricenet_v2.records.comparison import Comparison, Pair

FEW_DISCORDANT, FEW_PATIENTS = 6, 40
MANY = 30
"""Patients with a case of the class, and without one, from which on DeLong's test is used: with
fewer its intervals of differences were measured to hold too little."""


def compare(
    aligned: AlignedRuns,
    positive: int,
    n_bootstrap: int = 2000,
    seed: int = 0,
    against: str | None = None,
) -> Comparison:
    """Every metric of every two runs, or of every run and one that the others are compared with.

    All by paired permutations of patients, see `paired.PermutationScheme`, but for two:
    accuracy where each patient has one case, by the exact test of McNemar, which is the same with
    all permutations counted; and the AUROC of a class with many patients on both sides, by DeLong.

    Args:
        aligned: Runs on the same cases.
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Largest number of paired permutations.
        seed: Random seed of the permutations.
        against: Name of the run that all others are compared with (as `b`); every two where None.
    """
    runs = aligned.runs
    names = list(runs)
    pairs = list(combinations(names, 2))
    if against is not None:
        pairs = [(name, against) for name in names if name != against]
    offsets = _offsets(runs, positive, seed)
    first = next(iter(runs.values()))
    how = PermutationScheme(positive, n_bootstrap, seed)
    compared: list[Pair] = []
    for a, b in pairs:
        by_metric = _pairs(Term(1, runs[a], runs[b]), how, _metrics(list(runs.values())))
        compared += [dataclasses.replace(pair, a=a, b=b, n=len(aligned)) for pair in by_metric]
    warned = [_warned(pair, runs, offsets, aligned.warning) for pair in holm(compared)]
    return Comparison(
        runs=tuple(names),
        classes=first.classes,
        positive_class=first.classes[positive],
        n_cases=len(first),
        n_patients=first.grouping.count,
        left_out=aligned.left_out,
        pairs=tuple(warned),
        level=LEVEL,
        n_bootstrap=n_bootstrap,
        seed=seed,
    )


def _metrics(runs: Sequence[LabelledPredictions]) -> list[str]:
    classes = runs[0].classes
    of_classes = [auroc_of(name) for name in classes] if len(classes) > 2 else []
    within = [WITHIN] if share_folds(runs) else []
    means = [AUROC] if of_classes else []
    return [
        *(of_classes or [AUROC]),
        *(ACCURACY, MACRO_F1, BALANCED, BRIER, LOG_LOSS),
        *means,
        *within,
    ]


def _pairs(term: Term, how: PermutationScheme, names: Sequence[str]) -> list[Pair]:
    """All metrics of two runs."""
    patients = term.first.grouping
    by_delong = _areas(term, how.positive)
    tested = how.test([term], [name for name in names if name not in by_delong])
    values = [values_of(run, how.positive, names) for run in (term.first, term.second)]
    test = how.description(patients.count)
    few = f"with {patients.count} patients p cannot be below {2 / 2**patients.count:.2g}"
    pairs = []
    for name in names:
        if name in by_delong:
            pairs.append(by_delong[name])
            continue
        outcome = tested[name]
        pair = Pair(
            metric=name,
            a="",
            b="",
            value_a=confusion_matrix.known(values[0][name]),
            value_b=confusion_matrix.known(values[1][name]),
            difference=confusion_matrix.known(outcome.value),
            low=None,
            high=None,
            test=test,
            p=outcome.p,
            p_holm=None,
            n=0,
            warning=few if patients.count < FEWEST else "",
        )
        if name == ACCURACY and not patients.is_clustered:
            pair = _mcnemar(pair, term)
        pairs.append(_with_ends(pair, outcome.ends(pair.p), patients.count))
    return pairs


def _unlike(name: str, first: LabelledPredictions, other: LabelledPredictions) -> str:
    """Difference between two runs beside their networks, where it affects the metric."""
    if name in (BRIER, LOG_LOSS) and first.prior != other.prior:
        return "the probabilities of the runs refer to different class shares"
    if name in (ACCURACY, MACRO_F1, BALANCED) and first.decide != other.decide:
        return "the runs use different decision rules"
    return ""


def _with_ends(pair: Pair, ends: Ends, n_patients: int) -> Pair:
    """Return the pair with its interval, or with the reason why there is none."""
    if ends is not None:
        return dataclasses.replace(pair, low=ends[0], high=ends[1])
    why = (
        "all cases differ by the same amount" if n_patients >= FEWEST else "fewer than six patients"
    )
    why = "the difference is not defined" if pair.difference is None else why
    reasons = filter(None, (pair.warning, f"no interval: {why}"))
    return dataclasses.replace(pair, warning="; ".join(reasons))


def _areas(term: Term, positive: int) -> dict[str, Pair]:
    """DeLong's test of the positive class of two, or of each, where there are many patients."""
    first, second = term.first, term.second
    several = len(first.classes) > 2
    pairs = {}
    for index in range(len(first.classes)) if several else (positive,):
        in_class = first.truth == index
        owner = first.grouping.owner
        if min(len(np.unique(owner[side])) for side in (in_class, ~in_class)) < MANY:
            continue
        scores = np.stack([run.probabilities[:, index] for run in (first, second)])
        estimates = areas(scores, in_class, first.grouping)
        if estimates is None:
            continue
        difference, low, high, p = estimates.difference(0, 1, LEVEL)
        if low is None:
            continue
        name = auroc_of(first.classes[index]) if several else AUROC
        kind = "Obuchowski (DeLong by patient)" if first.grouping.is_clustered else "DeLong"
        values = float(estimates.values[0]), float(estimates.values[1])
        pairs[name] = Pair(name, "", "", *values, difference, low, high, kind, p, None, 0)
    return pairs


def _mcnemar(pair: Pair, term: Term) -> Pair:
    """The pair with the exact test of the cases that only one of the runs predicts correctly."""
    first, second = ((run.truth == run.predicted) for run in (term.first, term.second))
    only_a, only_b = int(np.sum(first & ~second)), int(np.sum(~first & second))
    discordant = only_a + only_b
    p = float(stats.binomtest(only_a, discordant).pvalue) if discordant else 1.0
    few = f"only {discordant} discordant cases: p cannot be below 0.05"
    return dataclasses.replace(
        pair,
        p=p,
        test=f"exact McNemar, {only_a} correct in the first run only, {only_b} in the second only",
        warning=few if discordant < FEW_DISCORDANT else "",
    )


def _offsets(runs: Mapping[str, LabelledPredictions], positive: int, seed: int) -> dict[str, str]:
    """Warnings of the runs whose folds are offset against each other, by name."""
    offsets = {name: offset(run, positive, seed) for name, run in runs.items()}
    return {
        name: f"AUROC of {name}: {fold_offset.warning}"
        for name, fold_offset in offsets.items()
        if fold_offset and fold_offset.warning
    }


def _warned(
    pair: Pair, runs: Mapping[str, LabelledPredictions], offsets: Mapping[str, str], warning: str
) -> Pair:
    first, other = runs[pair.a], runs[pair.b]
    count = first.grouping.count
    few = f"only {count} patients" if count < FEW_PATIENTS else ""
    pooled = pair.metric == AUROC or pair.metric.startswith(auroc_of(""))
    offset_warnings = [offsets.get(name, "") for name in (pair.a, pair.b)] if pooled else []
    warnings = filter(
        None, (pair.warning, _unlike(pair.metric, first, other), *offset_warnings, few, warning)
    )
    return dataclasses.replace(pair, warning="; ".join(warnings))


def holm(pairs: Sequence[Pair]) -> list[Pair]:
    """The pairs with p-values corrected by Holm's method over the pairs of each metric."""
    groups: Mapping[str, list[int]] = defaultdict(list)
    for index, pair in enumerate(pairs):
        groups[pair.metric].append(index)
    corrected = list(pairs)
    for group in groups.values():
        known = sorted((p, index) for index in group if (p := pairs[index].p) is not None)
        largest = 0.0
        for rank, (p, index) in enumerate(known):
            largest = max(largest, min(1.0, (len(known) - rank) * p))
            corrected[index] = dataclasses.replace(corrected[index], p_holm=largest)
    return corrected
