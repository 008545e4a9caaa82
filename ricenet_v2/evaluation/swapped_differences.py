"""Differences between two runs, as functions of whose predictions are swapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from scipy import stats

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.compared_metrics import BALANCED, MACRO_F1, MEANS, auroc_of, per_case
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, WithinFolds


@dataclass(frozen=True)
class Term:
    """One of the differences that are summed up: `factor * (metric of first - of second)`."""

    factor: float
    first: LabelledPredictions
    second: LabelledPredictions


@dataclass(frozen=True)
class SwappedDifferences:
    """The metrics of one term as functions of who is swapped.

    Attributes:
        term: The two runs and their factor.
        names: Names of the metrics.
        means: Share of each case in the difference of each mean, axes (metrics, cases).
        cells: Counts that swapping a case adds to each cell of the first run's confusion matrix and
            takes from the second's, axes (cells, cases).
        rankings: Rankings of the scores of both runs concatenated, by name of the AUROC.
        within: AUROC within folds of both runs; None if not requested.
    """

    term: Term
    names: tuple[str, ...]
    means: Floats
    cells: Floats
    rankings: dict[str, Ranking]
    within: WithinFolds | None

    @classmethod
    def of(cls, term: Term, positive: int, names: Sequence[str]) -> SwappedDifferences:
        """Prepare the metrics of a term."""
        runs = term.first, term.second
        within = None
        if WITHIN in names:
            ranked = np.concatenate([_ranked_in_folds(run) for run in runs])
            within = WithinFolds.of(_stacked(runs, ranked), positive)
        first, second = (np.stack([per_case(run, name) for name in MEANS]) for run in runs)
        return cls(
            term=term,
            names=tuple(names),
            means=(first - second) / len(term.first),
            cells=_cells(term.second) - _cells(term.first),
            rankings=_rankings(runs, positive, names),
            within=within,
        )

    def __call__(self, swapped: Floats) -> Floats:
        """Differences (samples, metrics) from 1 or 0 of each case, axes (cases, samples)."""
        means = self.means.sum(axis=1)[:, None] - 2 * (self.means @ swapped)
        differences = dict(zip(MEANS, means, strict=True))
        moved = self.cells @ swapped
        first, second = _counts(self.term.first, moved), _counts(self.term.second, -moved)
        differences[MACRO_F1] = confusion_matrix.macro_f1(first) - confusion_matrix.macro_f1(second)
        differences[BALANCED] = confusion_matrix.balanced_accuracy(
            first
        ) - confusion_matrix.balanced_accuracy(second)
        if self.rankings or self.within:
            differences |= self._areas(swapped)
        metrics: Floats = np.stack([differences[name] for name in self.names], axis=1)
        return self.term.factor * metrics

    def _areas(self, swapped: Floats) -> dict[str, Floats]:
        kept = 1 - swapped
        first, second = np.concatenate([kept, swapped]), np.concatenate([swapped, kept])
        differences = {
            name: ranking.metrics(first)[0] - ranking.metrics(second)[0]
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


def _ranked_in_folds(run: LabelledPredictions) -> Floats:
    folds, ranks = np.array(run.folds), np.empty_like(run.probabilities)
    for fold in np.unique(folds):
        ranks[folds == fold] = stats.rankdata(run.probabilities[folds == fold], axis=0)
    return ranks
