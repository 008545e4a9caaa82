"""All resampled metrics of one set of predictions, as functions of the weights of the cases."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.sufficient_statistics import SufficientStatistics

AUROC = "AUROC"
BRIER = "Brier score"
ECE = "expected calibration error"


@dataclass(frozen=True)
class MetricSet:
    """Quantities that are computed once for all samples.

    Attributes:
        statistics: Sums over the cases.
        rankings: Ranking of the cases by each class of `class_indices`.
        class_indices: Classes evaluated one-vs-rest: the positive one of two, all of more.
        classes: Names of the classes.
    """

    statistics: SufficientStatistics
    rankings: tuple[Ranking, ...]
    class_indices: tuple[int, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, labelled: LabelledPredictions, positive: int) -> MetricSet:
        """Prepare the metrics of one set of predictions.

        Args:
            labelled: Predictions.
            positive: Class that the metrics of two classes are about.
        """
        class_indices = one_vs_rest_classes(labelled, positive)
        return cls(
            SufficientStatistics.of(
                labelled.truth, labelled.predicted, labelled.probabilities, class_indices
            ),
            tuple(
                Ranking.of(labelled.probabilities[:, index], labelled.truth == index)
                for index in class_indices
            ),
            class_indices,
            labelled.classes,
        )

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the metrics, in the order of `values`."""
        class_names = [self.classes[index] for index in self.class_indices]
        per_class = [f"F1 of {name}" for name in self.classes]
        if len(class_names) > 1:
            per_class += [f"AUROC of {name}" for name in class_names]
            per_class += [f"average precision of {name}" for name in class_names]
        return (
            *("macro F1", "balanced accuracy", "MCC", AUROC, "average precision"),
            *(BRIER, "Brier reliability", "Brier resolution", "Brier uncertainty"),
            *("log loss", ECE),
            *per_class,
        )

    def values(self, weights: Floats) -> Floats:
        """Metrics of each sample, axes (samples, metrics).

        A sample that lacks a class which the cases have is degenerate: what rests on classes is
        NaN there.

        Args:
            weights: Weights of the cases, axes (cases, samples).
        """
        summed = self.statistics(weights)
        counts = summed.counts
        rankings = [ranking.metrics(weights) for ranking in self.rankings]
        aurocs, precisions = (np.stack(columns, axis=1) for columns in zip(*rankings, strict=True))
        parts = np.array([summed.brier_parts(k) for k in range(len(self.class_indices))]).sum(
            axis=0
        )
        f1s = confusion_matrix.f1(counts)
        by_class = [
            confusion_matrix.macro_f1(counts),
            confusion_matrix.balanced_accuracy(counts),
            confusion_matrix.mcc(counts),
            aurocs.mean(axis=1),
            precisions.mean(axis=1),
        ]
        others = [summed.brier, *parts, summed.log_loss, summed.expected_calibration_error]
        last = [f1s] if len(self.class_indices) == 1 else [f1s, aurocs, precisions]
        degenerate = (counts.sum(axis=2) == 0)[:, self._present].any(axis=1)
        resting = np.column_stack([*by_class, *last])
        resting[degenerate] = np.nan
        return np.column_stack([resting[:, :5], *others, resting[:, 5:]])

    @property
    def _present(self) -> NDArray[np.bool_]:
        """Whether each class occurs among the cases."""
        ones = np.ones((self.statistics.matrix.shape[1], 1))
        present: NDArray[np.bool_] = self.statistics(ones).counts[0].sum(axis=1) > 0
        return present
