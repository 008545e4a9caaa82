"""The AUROC within the folds beside the pooled one, which also ranks cases across networks.

Two cases of different folds are scored by different networks. Where those are offset against each
other, the pooled AUROC falls below that of the pairs of one fold, even below chance (Parker et al.
2007, doi:10.1186/1471-2105-8-326; Forman and Scholz 2010, doi:10.1145/1882471.1882479).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.confusion_matrix import ratio
from ricenet_v2.evaluation.estimates import Estimates
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.resampling import Patients, replicated
from ricenet_v2.records.metrics import Metric

WITHIN, LESS = "AUROC within folds", "AUROC pooled less within folds"
ALARM = 0.05
"""p up to which a warning stands beside the pooled AUROC."""
MOST_SHUFFLES, FEW_SHUFFLES, LARGE = 999, 199, 20_000
"""Shuffles of folds, and of more cases than this."""
_NUMBERS_AT_ONCE = 1_000_000


@dataclass(frozen=True)
class WithinFolds:
    """Rankings of each fold, for each class evaluated one-vs-rest, sorted once for all samples.

    Attributes:
        parts: Index of the cases of a fold, whether each is of the class, their ranking.
    """

    parts: tuple[tuple[tuple[NDArray[np.intp], NDArray[np.bool_], Ranking], ...], ...]

    @classmethod
    def of(cls, labelled: LabelledPredictions, positive: int) -> WithinFolds:
        """Prepare the rankings; cases without folds count as one fold."""
        folds = np.array(labelled.folds or (0,) * len(labelled))
        cases = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
        class_indices = one_vs_rest_classes(labelled, positive)
        parts = []
        for index in class_indices:
            in_class, scores = labelled.truth == index, labelled.probabilities[:, index]
            parts.append(
                tuple((at, in_class[at], Ranking.of(scores[at], in_class[at])) for at in cases)
            )
        return cls(tuple(parts))

    def __call__(self, weights: Floats) -> Floats:
        """Share of the pairs within a fold that are ranked right, shape (samples,).

        The mean of the folds' AUROCs, each by its number of pairs of a case of the class and
        another one; of several classes the mean over them.

        Args:
            weights: Axes (cases, samples).
        """
        per_class = np.stack([self._of_class(part, weights) for part in self.parts])
        mean: Floats = per_class.mean(axis=0)
        return mean

    @staticmethod
    def _of_class(
        part: tuple[tuple[NDArray[np.intp], NDArray[np.bool_], Ranking], ...], weights: Floats
    ) -> Floats:
        right, total = np.zeros(weights.shape[1]), np.zeros(weights.shape[1])
        for at, in_class, ranking in part:
            chosen = weights[at]
            pairs = chosen[in_class].sum(axis=0) * chosen[~in_class].sum(axis=0)
            right += np.where(pairs > 0, ranking.metrics(chosen)[0], 0.0) * pairs
            total += pairs
        return ratio(right, total)


@dataclass(frozen=True)
class Offset:
    """The pooled AUROC and that within folds, and whether chance parts them as far.

    Attributes:
        pooled: AUROC of all pairs of cases.
        within: AUROC of the pairs within folds.
        p: Share of the shuffles of folds that part the two at least as far, these folds included.
        n: Number of cases.
        method: Method of the p-value.
    """

    pooled: float
    within: float
    p: float
    n: int
    method: str

    @property
    def warning(self) -> str:
        """Warning where the two differ beyond chance, or only the pooled one is below 0.5."""
        text = f"{self.within:.3f} within folds, {self.pooled:.3f} pooled: "
        if self.p <= ALARM:
            why = "the scores of the folds are offset against each other"
            return f"{text}{why} (p = {self.p:.3f})"
        if self.pooled < 0.5 <= self.within:
            return f"{text}possibly below chance only because the scores of the folds are offset"
        return ""


def offset(labelled: LabelledPredictions, positive: int, seed: int) -> Offset | None:
    """Test whether the pooled AUROC differs from that within folds by more than chance.

    Were the scores of all folds alike, patients with equally many cases of each class might have
    been in each other's fold. So their folds are shuffled; the pooled AUROC stays, that within
    folds moves. p counts the folds as they are among the shuffles (Phipson and Smyth 2010), so with
    scores that are alike it is at most 0.05 in at most 5 of 100 evaluations, for any number of
    patients.

    Args:
        labelled: Predictions.
        positive: Class that the AUROC of two classes is about.
        seed: Random seed of the shuffles.

    Returns:
        None with fewer than two folds, or where an AUROC is not defined.
    """
    if len(set(labelled.folds)) < 2:
        return None
    ones = np.ones((len(labelled), 1))
    pooled = float(WithinFolds.of(replace(labelled, folds=()), positive)(ones)[0])
    within = float(WithinFolds.of(labelled, positive)(ones)[0])
    if not np.isfinite(pooled + within):
        return None
    total = MOST_SHUFFLES if len(labelled) <= LARGE else FEW_SHUFFLES
    numbers = np.unique(labelled.folds, return_inverse=True)[1]
    shuffled = _within_of(labelled, positive, int(numbers.max()) + 1)
    drawn = _shuffles(labelled, numbers, total, generator(seed, "folds"))
    values = replicated(shuffled, drawn)[:, 0]
    least = abs(within - pooled) - 1e-9
    p = (1 + int(np.sum(np.abs(values - pooled) >= least))) / (total + 1)
    method = f"{total} permutations of folds among patients with the same classes, seed {seed}"
    return Offset(pooled, within, p, len(labelled), method)


def _shuffles(
    labelled: LabelledPredictions,
    numbers: NDArray[np.intp],
    total: int,
    random: np.random.Generator,
) -> Iterator[Floats]:
    """Fold of each case, axes (cases, shuffles), some at a time.

    What is moved are the cases that a patient has in one fold.
    """
    keys = list(zip(labelled.patients, numbers.tolist(), strict=True))
    unit = Patients.of([f"{fold} {patient}" for patient, fold in keys])
    counts = np.zeros((unit.count, len(labelled.classes)), dtype=np.intp)
    np.add.at(counts, (unit.owner, labelled.truth), 1)
    fold_of = np.empty(unit.count, dtype=np.intp)
    fold_of[unit.owner] = numbers
    pattern = np.unique(counts, axis=0, return_inverse=True)[1].ravel()
    groups = [np.flatnonzero(pattern == group) for group in range(int(pattern.max()) + 1)]
    at_once = max(1, _NUMBERS_AT_ONCE // len(labelled))
    for start in range(0, total, at_once):
        folds = np.empty((min(at_once, total - start), unit.count))
        for row in folds:
            for group in groups:
                row[group] = fold_of[random.permutation(group)]
        yield folds.T[unit.owner]


def _within_of(
    labelled: LabelledPredictions, positive: int, n_folds: int
) -> Callable[[Floats], Floats]:
    """The AUROC within folds (shuffles, 1) as a function of the folds, axes (cases, shuffles)."""
    class_indices = one_vs_rest_classes(labelled, positive)
    parts = [
        (in_class, Ranking.of(labelled.probabilities[:, k], in_class))
        for k in class_indices
        for in_class in (labelled.truth == k,)
    ]

    def within(folds: Floats) -> Floats:
        areas = []
        masks = [(folds == fold).astype(np.float64) for fold in range(n_folds)]
        for in_class, ranking in parts:
            right, total = np.zeros(folds.shape[1]), np.zeros(folds.shape[1])
            for mask in masks:
                pairs = mask[in_class].sum(axis=0) * mask[~in_class].sum(axis=0)
                right += np.where(pairs > 0, ranking.metrics(mask)[0], 0.0) * pairs
                total += pairs
            areas.append(ratio(right, total))
        mean: Floats = np.mean(areas, axis=0)
        return mean[:, None]

    return within


def with_interval(estimates: Estimates) -> tuple[Offset, list[Metric]] | None:
    """The test, and both values as metrics: that within folds with an interval of its own.

    Returns:
        None as `offset`.
    """
    fold_offset = offset(estimates.labelled, estimates.positive, estimates.seed)
    if fold_offset is None:
        return None
    less = f"no interval; p = {fold_offset.p:.3f} by {fold_offset.method}"
    return fold_offset, [
        estimates.within_folds(fold_offset.within),
        Metric(LESS, fold_offset.pooled - fold_offset.within, None, None, fold_offset.n, less),
    ]
