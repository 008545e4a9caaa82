"""Differences of metrics between runs on the same cases, by paired permutations of patients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.compared_metrics import LOG_LOSS, MEANS, auroc_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.paired_permutation import (
    Ends,
    PairedPermutation,
    not_rejected,
    share_as_large,
)
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.swapped_differences import SwappedDifferences, Term
from ricenet_v2.evaluation.within_fold_auroc import WITHIN

LEVEL = 0.95
_SMOOTH = (BRIER, LOG_LOSS)
"""Metrics that do not move in steps."""
_FEW = 20
"""Patients below which steps are taken as twice as large, or intervals were measured too narrow."""


@dataclass(frozen=True)
class Tested:
    """A difference of one metric, or a weighted sum of such differences.

    Attributes:
        value: Observed difference; NaN where it is not defined.
        p: Two-sided; None where the difference is not defined.
        samples: Difference under each paired permutation, shape (samples,); the first is observed.
        kept: See `paired_permutation.not_rejected`.
        step: See `paired_permutation.not_rejected`.
        stretch: See `paired_permutation.not_rejected`.
        widest: Largest difference that there can be.
        level: Coverage of the intervals.
    """

    value: float
    p: float | None
    samples: Floats
    kept: Floats
    step: float
    stretch: float
    widest: float
    level: float

    def ends(self, p: float | None = None) -> Ends:
        """The interval; None where there is none.

        Args:
            p: P-value of an exact test of the same difference, which the interval agrees with.
        """
        interval = not_rejected(
            self.samples, self.kept, self.level, p, step=self.step, stretch=self.stretch
        )
        return interval and (max(interval[0], -self.widest), min(interval[1], self.widest))


@dataclass(frozen=True)
class PermutationScheme:
    """Settings of the permutation test of differences.

    Attributes:
        positive: Class that the AUROC of two classes is about.
        n_samples: Largest number of paired permutations.
        seed: Random seed of the permutations.
        level: Coverage of the intervals.
    """

    positive: int
    n_samples: int = 2000
    seed: int = 0
    level: float = LEVEL

    def description(self, count: int) -> str:
        """Name of the test of so many patients."""
        permutation = PairedPermutation.of(count, self.n_samples, generator(self.seed, "swaps"))
        drawn = "" if permutation.is_complete else f", seed {self.seed}"
        return f"paired permutation by patient, {permutation.description}{drawn}"

    def test(self, terms: Sequence[Term], names: Sequence[str]) -> dict[str, Tested]:
        """Every metric's difference, or weighted sum of differences.

        Were the runs of each term equally good, each patient's answers might be of either: they are
        swapped with all cases of the patient, in all terms at once. The interval holds the
        differences that this test does not reject, so it leaves 0 out just where p is below
        1 - level. Scores of an AUROC are ranked within their run first, since it compares nothing
        between runs (Venkatraman and Begg 1996; Bandos, Rockette and Gur 2005); those of the one
        within folds, within their run and fold.

        Args:
            terms: Runs on the same cases.
            names: Names of the metrics.
        """
        first = terms[0].first
        patients = first.grouping
        exchanges = [SwappedDifferences.of(term, self.positive, names) for term in terms]
        parts = np.stack([_parts(first, name) for name in names])

        def samples(swapped: Floats) -> Floats:
            differences = np.sum([exchange(swapped) for exchange in exchanges], axis=0)
            return np.concatenate([differences, 1 - 2 * (parts @ swapped).T], axis=1)

        permutation = PairedPermutation.of(
            patients.count, self.n_samples, generator(self.seed, "swaps")
        )
        replicates = replicated(samples, permutation.by_case(patients))
        values, kept = replicates[:, : len(names)].T, replicates[:, len(names) :].T
        step = (0.5 if patients.count >= _FEW else 1.0) / len(first)
        return {
            name: Tested(
                value=float(values[n, 0]),
                p=share_as_large(values[n]),
                samples=values[n],
                kept=kept[n],
                step=0.0 if name in _SMOOTH else step,
                stretch=_stretch(name, first, self.level),
                widest=_widest(name, len(first.classes)),
                level=self.level,
            )
            for n, name in enumerate(names)
        }


def _stretch(name: str, run: LabelledPredictions, level: float) -> float:
    """Student's quantile over the normal one, by the patients that a metric rests on.

    All of them for a Brier score and a log loss; for an AUROC, which knows as little as its smaller
    side, those of the rarest class. Without this, intervals of few patients whose runs differ were
    measured too narrow. Steps do the same for metrics of counts.
    """
    owner, truth = run.grouping.owner, run.truth
    if name in _SMOOTH:
        n = run.grouping.count
    elif name == WITHIN or name.startswith(AUROC):
        n = min(len(np.unique(owner[truth == k])) for k in np.unique(truth))
    else:
        return 1.0
    at = (1 + level) / 2
    return float(stats.t.ppf(at, max(1, n - 1)) / stats.norm.ppf(at))


def _widest(name: str, n_classes: int) -> float:
    if name == LOG_LOSS:
        return np.inf
    return 2.0 if name == BRIER and n_classes > 2 else 1.0


def _parts(run: LabelledPredictions, name: str) -> Floats:
    """Parts that the cases have in a metric, (cases,), summing to 1; in an AUROC both sides alike.

    Where a class has no case the metric is not defined, or does without it.
    """
    if name in MEANS:
        return np.full(len(run), 1 / len(run))
    counts = np.bincount(run.truth, minlength=len(run.classes)).astype(np.float64)
    if len(run.classes) > 2 and name.startswith(AUROC):
        class_indices = [
            k for k, each in enumerate(run.classes) if name in {AUROC, WITHIN, auroc_of(each)}
        ]
        others = np.maximum(len(run) - counts, 1)
        sides = [
            np.where(run.truth == k, 1 / max(counts[k], 1), 1 / others[k]) for k in class_indices
        ]
        shares: Floats = np.mean(sides, axis=0)
    else:
        shares = 1 / counts[run.truth]
    shares /= shares.sum()
    return shares


def share_folds(runs: Sequence[LabelledPredictions]) -> bool:
    """Whether the runs were made on the same folds, more than one."""
    return len(set(runs[0].folds)) > 1 and all(run.folds == runs[0].folds for run in runs)
