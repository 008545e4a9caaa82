"""Differences of figures between runs on the same cases, tested by swapping the runs by patient."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.paired_permutation import (
    Ends,
    PairedPermutation,
    not_rejected,
    share_as_large,
)
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.sufficient_statistics import brier_of, log_loss_of
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, WithinFolds

LEVEL = 0.95
ACCURACY, MACRO_F1, BALANCED, LOG_LOSS = "accuracy", "macro F1", "balanced accuracy", "log loss"
_MEANS = (ACCURACY, BRIER, LOG_LOSS)
"""Figures that are means over all cases."""
_SMOOTH = (BRIER, LOG_LOSS)
"""Figures that do not move in steps."""
_FEW = 20
"""Patients below which steps are taken as twice as large, or intervals were measured too narrow."""


def auroc_of(name: str) -> str:
    """Name of the AUROC of one class of several."""
    return f"{AUROC} of {name}"


@dataclass(frozen=True)
class Term:
    """One of the differences that are summed up: `factor * (figure of first - of second)`."""

    factor: float
    first: LabelledPredictions
    second: LabelledPredictions


@dataclass(frozen=True)
class Tested:
    """A difference of one figure, or a weighted sum of such differences.

    Attributes:
        value: Observed difference; NaN where it is not defined.
        p: Two-sided; None where the difference is not defined.
        samples: The difference under each of the swaps, shape (samples,); the first is observed.
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
        n_samples: The most swaps.
        seed: Random seed of the swaps.
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
        return f"swapping the runs by patient, {permutation.description}{drawn}"

    def test(self, terms: Sequence[Term], names: Sequence[str]) -> dict[str, Tested]:
        """Every figure's difference, or weighted sum of differences.

        Were the runs of each term equally good, each patient's answers might be of either: they are
        swapped with all cases of the patient, in all terms at once. The interval holds the
        differences that this test does not reject, so it leaves 0 out just where p is below
        1 - level. Scores of an AUROC are ranked within their run first, since it compares nothing
        between runs (Venkatraman and Begg 1996; Bandos, Rockette and Gur 2005); those of the one
        within folds, within their run and fold.

        Args:
            terms: Runs on the same cases.
            names: Names of the figures.
        """
        first = terms[0].first
        patients = first.grouping
        exchanges = [_Exchange.of(term, self.positive, names) for term in terms]
        parts = np.stack([_parts(first, name) for name in names])

        def samples(swapped: Floats) -> Floats:
            differences = np.sum([exchange(swapped) for exchange in exchanges], axis=0)
            return np.concatenate([differences, 1 - 2 * (parts @ swapped).T], axis=1)

        swaps = PairedPermutation.of(patients.count, self.n_samples, generator(self.seed, "swaps"))
        replicates = replicated(samples, swaps.by_case(patients))
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
    """Student's quantile over the normal one, by the patients that a figure rests on.

    All of them for a Brier score and a log loss; for an AUROC, which knows as little as its smaller
    side, those of the rarest class. Without this, intervals of few patients whose runs differ were
    measured too narrow. Steps do the same for figures of counts.
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
    """Parts that the cases have in a figure, (cases,), summing to 1; in an AUROC both sides alike.

    Where a class has no case the figure is not defined, or does without it.
    """
    if name in _MEANS:
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


@dataclass(frozen=True)
class _Exchange:
    """The figures of one term as functions of who is swapped.

    Attributes:
        term: The two runs and their factor.
        names: Names of the figures.
        means: Share of each case in the difference of each mean, axes (figures, cases).
        cells: What swapping a case puts into each cell of the first run's confusion matrix and
            takes from the second's, axes (cells, cases).
        rankings: By name of the AUROC, rankings of the scores of both runs concatenated.
        within: AUROC within folds of both runs; None where it is not asked for.
    """

    term: Term
    names: tuple[str, ...]
    means: Floats
    cells: Floats
    rankings: dict[str, Ranking]
    within: WithinFolds | None

    @classmethod
    def of(cls, term: Term, positive: int, names: Sequence[str]) -> _Exchange:
        """Prepare the figures of a term."""
        runs = term.first, term.second
        within = None
        if WITHIN in names:
            ranked = np.concatenate([_ranked_in_folds(run) for run in runs])
            within = WithinFolds.of(_stacked(runs, ranked), positive)
        first, second = (np.stack([_per_case(run, name) for name in _MEANS]) for run in runs)
        return cls(
            term=term,
            names=tuple(names),
            means=(first - second) / len(term.first),
            cells=_cells(term.second) - _cells(term.first),
            rankings=_rankings(runs, positive, names),
            within=within,
        )

    def __call__(self, swapped: Floats) -> Floats:
        """Differences (samples, figures) from 1 or 0 of each case, axes (cases, samples)."""
        means = self.means.sum(axis=1)[:, None] - 2 * (self.means @ swapped)
        differences = dict(zip(_MEANS, means, strict=True))
        moved = self.cells @ swapped
        first, second = _counts(self.term.first, moved), _counts(self.term.second, -moved)
        differences[MACRO_F1] = confusion_matrix.macro_f1(first) - confusion_matrix.macro_f1(second)
        differences[BALANCED] = confusion_matrix.balanced_accuracy(
            first
        ) - confusion_matrix.balanced_accuracy(second)
        if self.rankings or self.within:
            differences |= self._areas(swapped)
        figures: Floats = np.stack([differences[name] for name in self.names], axis=1)
        return self.term.factor * figures

    def _areas(self, swapped: Floats) -> dict[str, Floats]:
        kept = 1 - swapped
        first, second = np.concatenate([kept, swapped]), np.concatenate([swapped, kept])
        differences = {
            name: ranking.figures(first)[0] - ranking.figures(second)[0]
            for name, ranking in self.rankings.items()
        }
        if self.rankings and AUROC not in differences:
            differences[AUROC] = np.mean(list(differences.values()), axis=0)
        if self.within:
            differences[WITHIN] = self.within(first) - self.within(second)
        return differences


def _stacked(
    runs: tuple[LabelledPredictions, LabelledPredictions], probabilities: Floats
) -> LabelledPredictions:
    """Both runs concatenated, for their truths and folds."""
    first = runs[0]
    return replace(
        first,
        case_ids=first.case_ids * 2,
        patients=first.patients * 2,
        folds=first.folds * 2,
        truth=np.concatenate([first.truth] * 2),
        probabilities=probabilities,
    )


def _rankings(
    runs: tuple[LabelledPredictions, LabelledPredictions], positive: int, names: Sequence[str]
) -> dict[str, Ranking]:
    """Rankings by AUROC name: of the positive class of two, of each class of more."""
    classes = runs[0].classes
    class_indices = {auroc_of(name): k for k, name in enumerate(classes)}
    class_indices = {AUROC: positive} if len(classes) == 2 else class_indices
    if not {AUROC, *class_indices} & set(names):
        return {}
    truth = np.concatenate([runs[0].truth] * 2)
    scores = np.concatenate([stats.rankdata(run.probabilities, axis=0) for run in runs])
    return {name: Ranking.of(scores[:, k], truth == k) for name, k in class_indices.items()}


def _per_case(run: LabelledPredictions, name: str) -> Floats:
    if name == ACCURACY:
        right: Floats = (run.truth == run.predicted).astype(np.float64)
        return right
    if name == BRIER:
        return brier_of(run.truth, run.probabilities)
    return log_loss_of(run.truth, run.probabilities)


def _cells(run: LabelledPredictions) -> Floats:
    """One-hot cell of the confusion matrix of each case, axes (cells, cases)."""
    n_cells = len(run.classes) ** 2
    codes = run.truth * len(run.classes) + run.predicted
    cells: Floats = (codes == np.arange(n_cells)[:, None]).astype(np.float64)
    return cells


def _counts(run: LabelledPredictions, change: Floats) -> Floats:
    """Confusion matrices (samples, truth, predicted) of a run with changes (cells, samples)."""
    n_classes = len(run.classes)
    cells = run.counts.reshape(-1, 1) + change
    return np.ascontiguousarray(cells.T).reshape(-1, n_classes, n_classes)


def values_of(run: LabelledPredictions, positive: int, names: Sequence[str]) -> dict[str, float]:
    """The figures of one run; NaN where they are not defined."""
    ones = np.ones((len(run), 1))
    figures = {name: float(_per_case(run, name).mean()) for name in _MEANS}
    figures[MACRO_F1] = float(confusion_matrix.macro_f1(run.counts))
    figures[BALANCED] = float(confusion_matrix.balanced_accuracy(run.counts))
    class_indices = range(len(run.classes)) if len(run.classes) > 2 else (positive,)
    areas = {
        run.classes[k]: Ranking.of(run.probabilities[:, k], run.truth == k).figures(ones)[0][0]
        for k in class_indices
    }
    figures |= {auroc_of(name): float(area) for name, area in areas.items()}
    figures[AUROC] = float(np.mean(list(areas.values())))
    if WITHIN in names:
        figures[WITHIN] = float(WithinFolds.of(run, positive)(ones)[0])
    return {name: figures[name] for name in names}


def share_folds(runs: Sequence[LabelledPredictions]) -> bool:
    """Whether the runs were made on the same folds, more than one."""
    return len(set(runs[0].folds)) > 1 and all(run.folds == runs[0].folds for run in runs)


def _ranked_in_folds(run: LabelledPredictions) -> Floats:
    folds, ranks = np.array(run.folds), np.empty_like(run.probabilities)
    for fold in np.unique(folds):
        ranks[folds == fold] = stats.rankdata(run.probabilities[folds == fold], axis=0)
    return ranks
