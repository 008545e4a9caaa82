"""AUROC, also within folds, and average precision of one class, and their intervals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy import special

from ricenet_v2.core.types import Flags, Floats
from ricenet_v2.evaluation import influence, intervals, mover
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients

NEWCOMBE = "Newcombe's method 5"
BINOMIAL = "Clopper-Pearson, effective number of cases of the class"
_HALVINGS = 60

Interval = tuple[float, float]
Kind = Literal["AUROC", "AUROC within folds", "average precision"]


@dataclass(frozen=True)
class Area:
    """An area under a curve with the influence of each case on it.

    Attributes:
        value: The area.
        influence: Derivative of the area in the weight of each case, shape (cases,).
        strata: Number of cases of the class and of other cases, for each set of cases that are
            ranked together; both are above 0.
    """

    value: float
    influence: Floats
    strata: tuple[tuple[int, int], ...]

    @property
    def n_in_class(self) -> int:
        """Cases of the class."""
        return sum(n_in_class for n_in_class, _ in self.strata)


def auroc(scores: Floats, in_class: Flags) -> Area:
    """Probability that a case of the class scores above another one, ties half.

    Args:
        scores: Score of each case, shape (cases,).
        in_class: Whether each case is of the class; both kinds are there.
    """
    of_class, of_others = np.sort(scores[in_class]), np.sort(scores[~in_class])
    share_below = (
        np.searchsorted(of_others, scores[in_class], "left")
        + np.searchsorted(of_others, scores[in_class], "right")
    ) / (2 * len(of_others))
    share_above = 1 - (
        np.searchsorted(of_class, scores[~in_class], "left")
        + np.searchsorted(of_class, scores[~in_class], "right")
    ) / (2 * len(of_class))
    value = float(share_below.mean())
    moved = np.empty(len(scores))
    moved[in_class] = (share_below - value) / len(of_class)
    moved[~in_class] = (share_above - value) / len(of_others)
    return Area(value, moved, ((len(of_class), len(of_others)),))


def auroc_within(scores: Floats, in_class: Flags, folds: NDArray[np.intp]) -> Area:
    """AUROC within folds: the mean over folds, each weighted by its number of pairs of cases.

    The influences hold these numbers fixed.

    Args:
        scores: Score of each case, shape (cases,).
        in_class: Whether each case is of the class; some fold has both kinds.
        folds: Fold of each case.
    """
    fold_areas = []
    for fold in np.unique(folds):
        at = np.flatnonzero(folds == fold)
        if in_class[at].any() and not in_class[at].all():
            fold_areas.append((at, auroc(scores[at], in_class[at])))
    strata = tuple(area.strata[0] for _, area in fold_areas)
    pairs = np.prod(strata, axis=1)
    moved = np.zeros(len(scores))
    for (at, area), share in zip(fold_areas, pairs / pairs.sum(), strict=True):
        moved[at] = share * area.influence
    values = np.array([area.value for _, area in fold_areas])
    return Area(float(values @ pairs / pairs.sum()), moved, strata)


def average_precision(scores: Floats, in_class: Flags) -> Area:
    """Mean of the precision over the cases of the class, without interpolation.

    Args:
        scores: Score of each case, shape (cases,).
        in_class: Whether each case is of the class; at least one is.
    """
    n_in_class, order = int(in_class.sum()), np.argsort(scores, kind="stable")
    ordered, of_class = scores[order], in_class[order].astype(np.float64)
    first = np.searchsorted(ordered, ordered, "left")
    n_from = len(scores) - first  # how many score as high or higher
    in_class_from = n_in_class - np.r_[0.0, np.cumsum(of_class)][first]
    precision = in_class_from / n_from
    value = float((precision * of_class).sum() / n_in_class)
    # A case changes the precision of each case of the class that scores no higher than it.
    last = np.searchsorted(ordered, ordered, "right") - 1
    gain = np.cumsum(of_class / n_from)[last]
    loss = np.cumsum(of_class * precision / n_from)[last]
    moved = np.empty(len(scores))
    moved[order] = ((precision - value + gain) * of_class - loss) / n_in_class
    return Area(value, moved, ((n_in_class, len(scores) - n_in_class),))


def newcombe(area: Area, patients: Patients, level: float) -> Interval:
    """Interval of an AUROC, also of 0 and 1 (Newcombe 2006, method 5, doi:10.1002/sim.2324).

    It holds the areas from which the value is less than a quantile of standard deviations away, the
    variance being that of Hanley and McNeil (1982) with the mean of both numbers of cases in the
    place of each. The variance is widened by the design effect of patients with several cases, and
    to that of DeLong (by patient, Obuchowski) where this is larger. Of a mean over folds it is the
    sum of the folds' variances, each by the square of its share of the pairs.
    """
    m, n = np.array(area.strata, dtype=float).T
    pairs = float((m * n).sum())
    half = float((m * n * ((m + n) / 2 - 1)).sum()) / pairs

    def variance(a: float) -> float:
        return a * (1 - a) / pairs * (1 + half * ((1 - a) / (2 - a) + a / (1 + a)))

    wider = influence.design_effect(area.influence, patients)
    here = variance(area.value)
    if here > 0:
        wider = max(wider, influence.variance(area.influence, patients) / here)
    wider *= influence.t_factor(patients, level)
    z = float(special.ndtri((1 + level) / 2))

    def inside(a: float) -> bool:
        return (area.value - a) ** 2 <= z * z * wider * variance(a)

    low = 0.0 if area.value == 0 else _edge(area.value, 0.0, inside)
    return low, 1.0 if area.value == 1 else _edge(area.value, 1.0, inside)


def _edge(inner: float, outer: float, inside: Callable[[float], bool]) -> float:
    """End of an interval between its value and the end of the scale, by bisection."""
    for _ in range(_HALVINGS):
        middle = (inner + outer) / 2
        if inside(middle):
            inner = middle
        else:
            outer = middle
    return inner


def binomial(area: Area, patients: Patients, level: float) -> Interval:
    """Interval of an average precision: that of a share of the class's cases.

    An average precision varies no more than a share of as many cases of the class (Boyd, Eng and
    Page 2013, doi:10.1007/978-3-642-40994-3_29). Where its variance by patient is larger, it is
    worth the number of cases with that variance.
    """
    worth, spread = float(area.n_in_class), area.value * (1 - area.value)
    z = float(special.ndtri((1 + level) / 2))
    few = (influence.t_quantile(patients.count, level) / z) ** 2 if patients.count > 1 else 1.0
    moved = influence.variance(area.influence, patients) * few
    if moved > 0 and spread > 0:
        worth = min(worth, spread / moved)
    else:
        worth /= influence.design_effect(area.influence, patients)
    return intervals.proportion(area.value * worth, worth, level)


def method(kind: Kind, n_classes: int) -> str:
    """Method of the interval of the mean over that many classes, in words."""
    of_one = BINOMIAL if kind == "average precision" else NEWCOMBE
    return of_one if n_classes == 1 else f"MOVER of {of_one} of each class"


def interval(
    labelled: LabelledPredictions, class_indices: tuple[int, ...], level: float, kind: Kind
) -> Interval:
    """Interval of the mean over classes.

    Args:
        labelled: Predictions; each class of `class_indices` has cases, and others beside them (in
            one fold, for the AUROC within folds).
        class_indices: Classes: the positive one of two, all of more, or a single one.
        level: Coverage.
        kind: Kind of the area.
    """
    make = binomial if kind == "average precision" else newcombe
    patients = labelled.grouping
    class_areas = [_area(labelled, k, kind) for k in class_indices]
    ends = [make(area, patients, level) for area in class_areas]
    if len(class_indices) == 1:
        return ends[0]
    values, (low, high) = np.array([area.value for area in class_areas]), np.array(ends).T
    rho = influence.correlation(np.stack([area.influence for area in class_areas]), patients)
    bottom, top = mover.of_mean(values, low, high, rho)
    return max(0.0, bottom), min(1.0, top)


def _area(labelled: LabelledPredictions, k: int, kind: Kind) -> Area:
    scores, in_class = labelled.probabilities[:, k], labelled.truth == k
    if kind == "AUROC within folds":
        return auroc_within(scores, in_class, np.array(labelled.folds))
    return auroc(scores, in_class) if kind == "AUROC" else average_precision(scores, in_class)
