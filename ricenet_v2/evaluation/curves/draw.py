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
    scored: LabelledPredictions, positive: int, *, title: str = "", level: float = 0.95
) -> Curves:
    """Curves of each class against the rest, and referral curves of all classes together.

    Those of a class are ROC, precision-recall, calibration (in bins, and flexible) and decision; of
    two classes only those of the positive one are drawn.

    Args:
        scored: Predictions with truths.
        positive: Class that two classes are about.
        title: What the predictions are of.
        level: Coverage of the intervals.
    """
    curves: list[Curve] = []
    for index in one_vs_rest_classes(scored, positive):
        n_in_class = int(np.sum(scored.truth == index))
        if 0 < n_in_class < len(scored):
            curves += [roc(scored, index, level), precision_recall(scored, index)]
        curves += [*_calibration(scored, index, level), *decision(scored, index, level)]
    curves += referral(scored, level)
    return Curves(title=title, classes=scored.classes, curves=tuple(curves))


def _calibration(scored: LabelledPredictions, index: int, level: float) -> list[Curve]:
    """Binned and flexible calibration curve; without a flexible one, the bins say why."""
    bins, smooth = reliability(scored, index, level), flexible_curve(scored, index, level)
    return [replace(bins, warning=smooth)] if isinstance(smooth, str) else [bins, smooth]
