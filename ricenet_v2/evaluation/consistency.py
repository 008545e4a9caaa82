"""Calibration error and the parts of the Brier score: how much of them chance alone makes.

They are sums over bins of how far labels lie from probabilities, so chance adds to them: a model
whose probabilities are right has a positive error in every sample, and an interval about it cannot
hold the truth. Instead labels are drawn for which the stated probabilities are right. The metrics
of these labels make the consistency band (Broecker and Smith 2007, doi:10.1175/WAF993.1), and what
they are too large by in the mean is taken off (the bias of Broecker 2012,
doi:10.1007/s00382-011-1191-1, and Kumar et al. 2019, arXiv:1909.10155, here by simulation).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.resampling import Patients
from ricenet_v2.evaluation.sufficient_statistics import N_BINS, bins_of, brier_parts

FEWEST_DRAWS = 200
_MOST_NUMBERS, _AT_ONCE = 20_000_000, 1_000_000
ERROR, RELIABILITY = "expected calibration error", "Brier reliability"
RESOLUTION, UNCERTAINTY = "Brier resolution", "Brier uncertainty"
BINNED = (RELIABILITY, RESOLUTION, UNCERTAINTY, ERROR)


@dataclass(frozen=True)
class Band:
    """Consistency band: the metric of a calibrated model on the same cases.

    Attributes:
        low: Lower limit of the band.
        high: Upper limit of the band.
        bias: Mean amount that chance adds to the metric.
        n_draws: Draws of labels.
    """

    low: float
    high: float
    bias: float
    n_draws: int


@dataclass(frozen=True)
class Binned:
    """Probabilities sorted into bins, for any number of draws of labels.

    Attributes:
        probabilities: Axes (cases, classes).
        class_indices: Classes whose Brier score is decomposed.
        tops: Sums the cases of each bin of the highest probability, axes (bins, cases).
        parts: The same for each class of `class_indices`, by its own probability.
    """

    probabilities: Floats
    class_indices: tuple[int, ...]
    tops: sparse.csr_array
    parts: tuple[sparse.csr_array, ...]

    @classmethod
    def of(cls, probabilities: Floats, class_indices: tuple[int, ...]) -> Binned:
        """Sort into bins."""
        return cls(
            probabilities,
            class_indices,
            _bins(probabilities.max(axis=1)),
            tuple(_bins(probabilities[:, k]) for k in class_indices),
        )

    def values(self, right: Floats, labels: list[Floats]) -> Floats:
        """The `BINNED` metrics, axes (metrics, draws).

        Args:
            right: Whether the highest probability is that of the label, axes (cases, draws).
            labels: Whether each class of `class_indices` is the label, the same axes.
        """
        total = np.array([float(len(self.probabilities))])
        sure = self.probabilities.max(axis=1)
        error = np.abs(self.tops @ (right - sure[:, None])).sum(axis=0) / total
        summed = np.zeros((3, right.shape[1]))
        for k, part, y in zip(self.class_indices, self.parts, labels, strict=True):
            p = self.probabilities[:, [k]]
            fixed = [part @ each for each in (np.ones_like(p), p, p * p)]
            n, mean, square = fixed
            summed += np.array(brier_parts(n, mean, part @ y, square, part @ (p * y), total))
        return np.vstack([summed, error])


def _bins(values: Floats) -> sparse.csr_array:
    at = (bins_of(values), np.arange(len(values)))
    return sparse.csr_array((np.ones(len(values)), at), shape=(N_BINS, len(values)))


def bands(
    labelled: LabelledPredictions,
    class_indices: tuple[int, ...],
    level: float,
    n_draws: int,
    random: np.random.Generator,
) -> dict[str, Band]:
    """Consistency band of each of the `BINNED` metrics, by name.

    Args:
        labelled: Predictions.
        class_indices: Classes whose Brier score is decomposed.
        level: Share of the draws within the band.
        n_draws: Draws of labels; fewer, but at least 200, of very many cases.
        random: Random generator of the draws.
    """
    binned = Binned.of(labelled.probabilities, class_indices)
    p, n = labelled.probabilities, len(labelled)
    enough = min(n_draws, max(FEWEST_DRAWS, _MOST_NUMBERS // n))
    draws = np.concatenate(
        [binned.values(*labels) for labels in _drawn(labelled, class_indices, enough, random)],
        axis=1,
    )
    # Right without chance: every label is its probability.
    truth = binned.values(p.max(axis=1)[:, None], [p[:, [k]] for k in class_indices])[:, 0]
    low, high = np.quantile(draws, [(1 - level) / 2, (1 + level) / 2], axis=1)
    bias = draws.mean(axis=1) - truth
    return {
        name: Band(float(low[i]), float(high[i]), float(bias[i]), enough)
        for i, name in enumerate(BINNED)
    }


def _drawn(
    labelled: LabelledPredictions,
    class_indices: tuple[int, ...],
    n_draws: int,
    random: np.random.Generator,
) -> Iterator[tuple[Floats, list[Floats]]]:
    """Whether the highest probability is right, and the labels of each class, some draws at a time.

    Labels of one patient may be alike. So where patients have several cases labels are not drawn:
    all distances of a patient's labels from their probabilities keep or change their sign together
    (the wild bootstrap, Liu 1988).
    """
    p, n, patients = labelled.probabilities, len(labelled), labelled.grouping
    top, size = p.argmax(axis=1), max(1, _AT_ONCE // n)
    for start in range(0, n_draws, size):
        count = min(size, n_draws - start)
        if patients.is_clustered:
            yield _turned(
                labelled, class_indices, patients, random.integers(0, 2, (patients.count, count))
            )
            continue
        limits, drawn = np.cumsum(p, axis=1), random.random((n, count))
        label = sum((drawn >= limits[:, [k]]).astype(np.intp) for k in range(p.shape[1] - 1))
        yield (
            np.equal(label, top[:, None]).astype(np.float64),
            [np.equal(label, k).astype(np.float64) for k in class_indices],
        )


def _turned(
    labelled: LabelledPredictions,
    class_indices: tuple[int, ...],
    patients: Patients,
    turn: NDArray[np.integer],
) -> tuple[Floats, list[Floats]]:
    p, signs = labelled.probabilities, (2.0 * turn - 1)[patients.owner]
    sure, right = p.max(axis=1), p.argmax(axis=1) == labelled.truth
    labels = [
        p[:, [k]] + signs * (np.equal(labelled.truth, k).astype(float) - p[:, k])[:, None]
        for k in class_indices
    ]
    return sure[:, None] + signs * (right.astype(float) - sure)[:, None], labels
