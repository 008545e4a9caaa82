"""The metrics of an ablation, and how their differences are tested."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from ricenet_v2.evaluation.compared_metrics import BALANCED, MACRO_F1, values_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC
from ricenet_v2.evaluation.paired import LEVEL, PermutationScheme

METRICS = (MACRO_F1, AUROC, BALANCED)


@dataclass(frozen=True)
class Resampling:
    """Settings of the intervals.

    Attributes:
        positive: Class that the AUROC of two classes is about.
        n_bootstrap: Samples of patients, and the largest number of paired permutations.
        seed: Random seed of the samples.
        level: Coverage.
    """

    positive: int
    n_bootstrap: int = 2000
    seed: int = 0
    level: float = LEVEL

    @property
    def permutations(self) -> PermutationScheme:
        """The test of differences."""
        return PermutationScheme(self.positive, self.n_bootstrap, self.seed, self.level)

    def metrics(self, labelled: LabelledPredictions) -> dict[str, float]:
        """The three metrics of a set of predictions; NaN where they are not defined."""
        return values_of(labelled, self.positive, METRICS)


def blind(labelled: LabelledPredictions, majority: int) -> LabelledPredictions:
    """The predictions of a model that sees no channel.

    It predicts the class that most training cases have for every case, and its scores are all
    equal: AUROC 0.5, balanced accuracy 1 / classes, and the macro F1 of that prediction.

    Args:
        labelled: Predictions, of which only the truths are used.
        majority: Index of the most frequent class.
    """
    equal = np.full_like(labelled.probabilities, 1 / len(labelled.classes))
    predictions = np.full_like(labelled.predicted, majority)
    return dataclasses.replace(labelled, predicted=predictions, probabilities=equal)
