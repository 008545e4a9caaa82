"""Sums over the cases of a sample: confusion cells, errors, bins.

All sums of a sample are one product of a sparse matrix (sums, cases) with the weights of the cases.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import sparse

from ricenet_v2.core.types import Floats, Indices

N_BINS = 10
"""Bins of equal width, for the expected calibration error and the parts of the Brier score."""
LEAST = float(np.finfo(np.float64).eps)
"""Least probability in a log loss, as scikit-learn."""


def log_loss_of(truth: Indices, probabilities: Floats) -> Floats:
    """Minus the log of the probability of each case's class, at least 2.2e-16 (scikit-learn)."""
    true_probabilities = probabilities[np.arange(len(truth)), truth]
    return -np.log(np.clip(true_probabilities, LEAST, 1))


def brier_of(truth: Indices, probabilities: Floats) -> Floats:
    """Squared error of each case; two classes: of one probability (0 to 1), more: summed."""
    one_hot = np.eye(probabilities.shape[1])[truth]
    squared: Floats = ((probabilities - one_hot) ** 2).sum(axis=1)
    return squared * (0.5 if probabilities.shape[1] == 2 else 1.0)


def bins_of(values: Floats) -> Indices:
    """Bin of each value from 0 to 1."""
    return np.clip((values * N_BINS).astype(np.intp), 0, N_BINS - 1)


@dataclass(frozen=True)
class SufficientStatistics:
    """The sparse matrix; rows are the parts in the order of their properties.

    Attributes:
        matrix: Shape (sums, cases).
        n_classes: Classes.
        class_indices: Classes whose Brier score is decomposed; of two classes, one suffices.
    """

    matrix: sparse.csr_array
    n_classes: int
    class_indices: tuple[int, ...]

    @classmethod
    def of(
        cls,
        truth: Indices,
        predicted: Indices,
        probabilities: Floats,
        class_indices: tuple[int, ...],
    ) -> SufficientStatistics:
        """Build the sparse matrix.

        Args:
            truth: Class of each case, shape (cases,).
            predicted: Predicted class of each case, shape (cases,).
            probabilities: Axes (cases, classes).
            class_indices: Classes whose Brier score is decomposed.
        """
        n_classes = probabilities.shape[1]
        ones = np.ones(len(truth))
        sure = probabilities.max(axis=1)
        right = probabilities.argmax(axis=1) == truth
        parts = [
            (n_classes**2, truth * n_classes + predicted, (ones,)),
            (1, np.zeros_like(truth), (brier_of(truth, probabilities),)),
            (1, np.zeros_like(truth), (log_loss_of(truth, probabilities),)),
            (N_BINS, bins_of(sure), (ones, sure, right.astype(np.float64))),
        ]
        for index in class_indices:
            p, y = probabilities[:, index], (truth == index).astype(np.float64)
            parts.append((N_BINS, bins_of(p), (ones, p, y, p * p, p * y)))
        sizes = [size for size, _, values in parts for _ in values]
        starts = np.cumsum([0, *sizes])
        rows = [codes for _, codes, values in parts for _ in values]
        at = np.concatenate([start + codes for start, codes in zip(starts, rows, strict=False)])
        numbers = np.concatenate([v for _, _, values in parts for v in values])
        columns = np.tile(np.arange(len(truth)), len(sizes))
        shape = (int(starts[-1]), len(truth))
        return cls(
            sparse.csr_array((numbers, (at, columns)), shape=shape), n_classes, class_indices
        )

    def __call__(self, weights: Floats) -> SampledStatistics:
        """Sum up samples, weights (cases, samples)."""
        return SampledStatistics(np.asarray(self.matrix @ weights), self.n_classes)


@dataclass(frozen=True)
class SampledStatistics:
    """Sums of samples, axes (sums, samples)."""

    rows: Floats
    n_classes: int

    @property
    def counts(self) -> Floats:
        """Confusion matrices, axes (samples, truth, predicted)."""
        cells = self.rows[: self.n_classes**2].T
        return cells.reshape(-1, self.n_classes, self.n_classes)

    @property
    def total(self) -> Floats:
        """Weight of each sample, shape (samples,)."""
        whole: Floats = self.rows[: self.n_classes**2].sum(axis=0)
        return whole

    @property
    def brier(self) -> Floats:
        """Brier score of each sample, shape (samples,)."""
        mean: Floats = self.rows[self.n_classes**2] / self.total
        return mean

    @property
    def log_loss(self) -> Floats:
        """Log loss of each sample, shape (samples,)."""
        mean: Floats = self.rows[self.n_classes**2 + 1] / self.total
        return mean

    @property
    def expected_calibration_error(self) -> Floats:
        """Gap between confidence and accuracy, mean over the cases of 10 bins of equal width."""
        start = self.n_classes**2 + 2
        _, sure, right = self._binned(start, 3)
        gap: Floats = np.abs(sure - right).sum(axis=0)
        return gap / self.total

    def brier_parts(self, number: int) -> tuple[Floats, Floats, Floats]:
        """Reliability, resolution and uncertainty of class `class_indices[number]`."""
        start = self.n_classes**2 + 2 + 3 * N_BINS + 5 * N_BINS * number
        n, p, y, pp, py = self._binned(start, 5)
        return brier_parts(n, p, y, pp, py, self.total)

    def _binned(self, start: int, count: int) -> Floats:
        return self.rows[start : start + count * N_BINS].reshape(count, N_BINS, -1)


def brier_parts(
    n: Floats, p: Floats, y: Floats, pp: Floats, py: Floats, total: Floats
) -> tuple[Floats, Floats, Floats]:
    """Reliability, resolution and uncertainty, shape (samples,), from sums over bins.

    Murphy (1973), the resolution generalised by Stephenson et al. (2008) so that the squared
    error is reliability - resolution + uncertainty exactly, though a bin holds unequal
    probabilities.

    Args:
        n: Weight of the cases of each bin, axes (bins, samples).
        p: Sum of their probabilities.
        y: Sum of their labels, 0 or 1.
        pp: Sum of the squares of the probabilities.
        py: Sum of the products of probability and label.
        total: Weight of each sample, shape (samples,).
    """
    filled = np.where(n > 0, n, 1)
    mean_p, mean_y = p / filled, y / filled
    base = y.sum(axis=0) / total
    reliability = (n * (mean_p - mean_y) ** 2).sum(axis=0) / total
    resolution = (n * (mean_y - base) ** 2).sum(axis=0) / total
    spread = (pp - n * mean_p**2).sum(axis=0) / total
    together = 2 * (py - n * mean_p * mean_y).sum(axis=0) / total
    return reliability, resolution - spread + together, base * (1 - base)
