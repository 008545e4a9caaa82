"""The flexible calibration curve, drawn beside the one of bins."""

from __future__ import annotations

import numpy as np

from ricenet_v2.evaluation.flexible import caution, flexible
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.curves import Curve

N_POINTS = 101


def flexible_curve(labelled: LabelledPredictions, index: int, level: float) -> Curve | str:
    """Share of the class against its probability, between the lowest and highest that occur.

    The band holds each single point, not the whole curve at once.

    Returns:
        The curve, or the reason why there is none.
    """
    fit = flexible(labelled, index)
    if isinstance(fit, str):
        return fit
    p = labelled.probabilities[:, index]
    x = np.linspace(p.min(), p.max(), N_POINTS)
    low, high = fit.band(x, level)
    return Curve(
        "calibration",
        "flexible" if fit.basis.knots else "linear on the log odds",
        labelled.classes[index],
        "mean predicted probability",
        "observed share",
        tuple(x.tolist()),
        tuple(fit.at(x).tolist()),
        tuple(low.tolist()),
        tuple(high.tolist()),
        warning=caution(labelled, index),
    )
