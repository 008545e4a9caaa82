"""The metrics that runs are compared by: of each case, and of a whole run."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.sufficient_statistics import brier_of, log_loss_of
from ricenet_v2.evaluation.within_fold_auroc import WITHIN, WithinFolds

ACCURACY, MACRO_F1, BALANCED, LOG_LOSS = "accuracy", "macro F1", "balanced accuracy", "log loss"
MEANS = (ACCURACY, BRIER, LOG_LOSS)
"""Metrics that are means over all cases."""


def auroc_of(name: str) -> str:
    """Name of the AUROC of one class of several."""
    return f"{AUROC} of {name}"


def per_case(run: LabelledPredictions, name: str) -> Floats:
    """Contribution of each case to a metric that is a mean over cases, shape (cases,)."""
    if name == ACCURACY:
        right: Floats = (run.truth == run.predicted).astype(np.float64)
        return right
    if name == BRIER:
        return brier_of(run.truth, run.probabilities)
    return log_loss_of(run.truth, run.probabilities)


def values_of(run: LabelledPredictions, positive: int, names: Sequence[str]) -> dict[str, float]:
    """The metrics of one run; NaN where they are not defined."""
    ones = np.ones((len(run), 1))
    metrics = {name: float(per_case(run, name).mean()) for name in MEANS}
    metrics[MACRO_F1] = float(confusion_matrix.macro_f1(run.counts))
    metrics[BALANCED] = float(confusion_matrix.balanced_accuracy(run.counts))
    class_indices = range(len(run.classes)) if len(run.classes) > 2 else (positive,)
    areas = {
        run.classes[k]: Ranking.of(run.probabilities[:, k], run.truth == k).metrics(ones)[0][0]
        for k in class_indices
    }
    metrics |= {auroc_of(name): float(area) for name, area in areas.items()}
    metrics[AUROC] = float(np.mean(list(areas.values())))
    if WITHIN in names:
        metrics[WITHIN] = float(WithinFolds.of(run, positive)(ones)[0])
    return {name: metrics[name] for name in names}
