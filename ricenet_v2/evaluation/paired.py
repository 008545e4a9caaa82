"""Figures of runs on the same cases, their intervals by bootstrap, p by swapping the runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals, metrics
from ricenet_v2.evaluation.folds import WITHIN, WithinFolds
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.evaluation.sums import brier_of
from ricenet_v2.evaluation.swaps import FEWEST, Swaps, share_as_large
from ricenet_v2.records.comparison import Pair

LEVEL = 0.95
_RESAMPLED = ("accuracy", "macro F1", "balanced accuracy", "Brier score")

Floats = NDArray[np.float64]
Figures = Callable[[Floats], Floats]
"""From weights (cases, samples) to figures (samples, figures, runs)."""


@dataclass(frozen=True)
class Paired:
    """Figures of all runs, resampled together.

    Attributes:
        names: Of the figures.
        runs: On the same cases.
        positive: Class that the AUROC of two classes is about.
        values: Axes (figures, runs).
        replicates: Of bootstrap samples, axes (samples, figures, runs).
        left_out: Without one patient each, the same axes.
        n_samples: Of the bootstrap, and the most swaps.
        seed: Of both.
    """

    names: tuple[str, ...]
    runs: tuple[Scored, ...]
    positive: int
    values: Floats
    replicates: Floats
    left_out: Floats
    n_samples: int
    seed: int

    @classmethod
    def of(cls, runs: Sequence[Scored], positive: int, n_samples: int, seed: int) -> Paired:
        """Draw patients, the same for all runs."""
        within = [WithinFolds.of(run, positive) for run in runs] if _share_folds(runs) else []
        scores, patients = [run.probabilities for run in runs], runs[0].grouping
        figures = _figures_of(runs, scores, within)
        samples = patients.samples(n_samples, generator(seed, "bootstrap"))
        return cls(
            names=(
                *_RESAMPLED,
                *(["AUROC"] if len(runs[0].classes) > 2 else []),
                *([WITHIN] if within else []),
            ),
            runs=tuple(runs),
            positive=positive,
            values=figures(np.ones((len(runs[0]), 1)))[0],
            replicates=replicated(figures, samples),
            left_out=replicated(figures, patients.left_out()),
            n_samples=n_samples,
            seed=seed,
        )

    def pairs(self, a: int, b: int) -> list[Pair]:
        """Compare two runs, figure by figure."""
        count = self.runs[0].grouping.count
        p, swaps = self._p(a, b)
        test = (
            f"swapping the runs by patient, {swaps}; interval by paired bootstrap by patient, "
            f"{self.n_samples} samples, seed {self.seed}"
        )
        few = f"with {count} patients p cannot fall below {2 / 2**count:.2g}"
        warning = few if count < FEWEST else ""
        made = []
        for n, name in enumerate(self.names):
            first, second = (float(self.values[n, run]) for run in (a, b))
            replicates, left_out = (
                each[:, n, a] - each[:, n, b] for each in (self.replicates, self.left_out)
            )
            ends = intervals.bca(first - second, replicates, left_out, LEVEL)
            low, high = ends or (None, None)
            made.append(
                Pair(
                    figure=name,
                    a="",
                    b="",
                    value_a=metrics.known(first),
                    value_b=metrics.known(second),
                    difference=metrics.known(first - second),
                    low=low,
                    high=high,
                    test=test,
                    p=p[n],
                    p_holm=None,
                    n=0,
                    warning=warning,
                )
            )
        return made

    def _p(self, a: int, b: int) -> tuple[list[float | None], str]:
        """Of every figure: were the runs as good, each patient's answers might be of either.

        Scores of an AUROC are ranked within their run first, since it compares nothing between runs
        (Venkatraman and Begg 1996); for that within folds, within their run and fold.
        """
        first, second = self.runs[a], self.runs[b]
        patients = first.grouping
        swaps = Swaps.of(patients.count, self.n_samples, generator(self.seed, "swaps"))
        both = replace(
            first,
            case_ids=first.case_ids * 2,
            patients=first.patients * 2,
            folds=first.folds * 2,
            truth=np.concatenate([first.truth, second.truth]),
            predicted=np.concatenate([first.predicted, second.predicted]),
            probabilities=np.concatenate([first.probabilities, second.probabilities]),
        )
        scores = np.concatenate([stats.rankdata(x.probabilities, axis=0) for x in (first, second)])
        within = []
        if WITHIN in self.names:
            ranked = np.concatenate([_ranked_in_folds(run) for run in (first, second)])
            within = [WithinFolds.of(replace(both, probabilities=ranked), self.positive)]
        figures = _figures_of([both], [scores], within)

        def change(swapped: Floats) -> Floats:
            kept = 1 - swapped
            one, other = (
                figures(np.concatenate(each))[:, :, 0]
                for each in ((kept, swapped), (swapped, kept))
            )
            return one - other

        found = replicated(change, swaps.by_case(patients))
        return [share_as_large(found[:, n]) for n in range(found.shape[1])], swaps.words


def _share_folds(runs: Sequence[Scored]) -> bool:
    return len(set(runs[0].folds)) > 1 and all(run.folds == runs[0].folds for run in runs)


def _ranked_in_folds(run: Scored) -> Floats:
    folds, ranks = np.array(run.folds), np.empty_like(run.probabilities)
    for fold in np.unique(folds):
        ranks[folds == fold] = stats.rankdata(run.probabilities[folds == fold], axis=0)
    return ranks


def _figures_of(
    runs: Sequence[Scored], scores: Sequence[Floats], within: Sequence[WithinFolds]
) -> Figures:
    """The figures as a function of weights.

    Args:
        runs: On the same cases.
        scores: Of the AUROC, axes (cases, classes) each.
        within: For the AUROC within folds of each run; empty where that is not asked for.
    """
    several = len(runs[0].classes) > 2
    right = np.stack([(run.truth == run.predicted).astype(np.float64) for run in runs])
    brier = np.stack([brier_of(run.truth, run.probabilities) for run in runs])
    rankings = [
        [Ranking.of(own[:, k], run.truth == k) for k in range(len(run.classes))] if several else []
        for run, own in zip(runs, scores, strict=True)
    ]
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
        if within:
            parts.append(np.stack([one(weights) for one in within]))
        return np.stack(parts).transpose(2, 0, 1)

    return figures


def _counts(run: Scored, weights: Floats) -> Floats:
    """Confusion matrices (samples, truth, predicted)."""
    n_classes = len(run.classes)
    codes = run.truth * n_classes + run.predicted
    cells = np.stack([weights[codes == code].sum(axis=0) for code in range(n_classes**2)], axis=1)
    return cells.reshape(-1, n_classes, n_classes)
