"""All curves of one set of predictions."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ricenet_v2.evaluation.curves.decision import decision
from ricenet_v2.evaluation.curves.flexible import flexible_curve
from ricenet_v2.evaluation.curves.ranks import precision_recall, roc
from ricenet_v2.evaluation.curves.referral import referral
from ricenet_v2.evaluation.curves.reliability import reliability
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.records.curves import Curve, Curves


def curves_of(
    labelled: LabelledPredictions, positive: int, *, title: str = "", level: float = 0.95
) -> Curves:
    """Curves of each class against the rest, and referral curves of all classes together.

    Those of a class are ROC, precision-recall, calibration (in bins, and flexible) and decision; of
    two classes only those of the positive one are drawn.

    Args:
        labelled: Predictions with truths.
        positive: Class that two classes are about.
        title: Title of the predictions.
        level: Coverage of the intervals.
    """
    curves: list[Curve] = []
    for index in one_vs_rest_classes(labelled, positive):
        n_in_class = int(np.sum(labelled.truth == index))
        if 0 < n_in_class < len(labelled):
            curves += [roc(labelled, index, level), precision_recall(labelled, index)]
        curves += [*_calibration(labelled, index, level), *decision(labelled, index, level)]
    curves += referral(labelled, level)
    return Curves(title=title, classes=labelled.classes, curves=tuple(curves))


def _calibration(labelled: LabelledPredictions, index: int, level: float) -> list[Curve]:
    """Binned and flexible calibration curve; without a flexible one, the bins say why."""
    bins, smooth = reliability(labelled, index, level), flexible_curve(labelled, index, level)
    return [replace(bins, warning=smooth)] if isinstance(smooth, str) else [bins, smooth]
