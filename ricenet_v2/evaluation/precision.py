"""Precision that the number of patients allows, by the criteria of Riley et al."""

from __future__ import annotations

import math

import numpy as np
from scipy import stats
from sklearn.metrics import roc_auc_score

from ricenet_v2.evaluation import sample_size as riley
from ricenet_v2.evaluation.class_counts import sides
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.records.metrics import Source
from ricenet_v2.records.sample_size import Development, Precision, SampleSize

WIDTH, WIDTH_OF_AUROC = 0.2, 0.1
"""Widths of the intervals that Riley et al. 2021 aim at."""
MARGIN, SHRINKAGE = 0.05, 0.9
_AUROCS = (0.55, 0.99)
_THRESHOLD = 0.5


def sample_sizes(
    labelled: LabelledPredictions, positive: int, source: Source, level: float
) -> tuple[SampleSize, ...]:
    """Sample sizes of each class against the rest, where there are cases of both sides.

    Args:
        labelled: Predictions with truths.
        positive: Class that two classes are about.
        source: The cases of out-of-fold predictions are those that a model was developed on.
        level: Coverage of the intervals.
    """
    return tuple(
        _of_class(labelled, index, source, level)
        for index in one_vs_rest_classes(labelled, positive)
        if 0 < np.sum(labelled.truth == index) < len(labelled)
    )


def _of_class(
    labelled: LabelledPredictions, index: int, source: Source, level: float
) -> SampleSize:
    in_class, n = labelled.truth == index, labelled.grouping.count
    auroc = float(np.clip(roc_auc_score(in_class, labelled.probabilities[:, index]), *_AUROCS))
    prevalence, z = float(in_class.mean()), float(stats.norm.ppf((1 + level) / 2))
    odds = riley.LogOdds.calibrated(prevalence, auroc)
    precisions = [
        _observed_expected(n, prevalence, z),
        _slope(n, odds, z),
        _auroc(n, prevalence, auroc, z),
    ]
    benefit = _net_benefit(n, labelled, index, z)
    return SampleSize(
        class_name=labelled.classes[index],
        n_patients=n,
        n_of_class=sides(labelled, in_class)[0],
        prevalence=prevalence,
        auroc=auroc,
        precision=(*precisions, *([] if benefit is None else [benefit])),
        development=_development(n, prevalence, odds, z) if source == "out-of-fold" else None,
    )


def _observed_expected(n: int, prevalence: float, z: float) -> Precision:
    reach = math.exp(z * riley.se_observed_expected(n, prevalence))
    needed = riley.n_observed_expected(prevalence, riley.se_of_ratio(WIDTH, z))
    return Precision("observed : expected", 1.0, 1 / reach, reach, WIDTH, math.ceil(needed))


def _slope(n: int, odds: riley.LogOdds, z: float) -> Precision:
    reach = z * riley.se_slope(n, odds)
    needed = riley.n_slope(odds, WIDTH / 2 / z)
    return Precision("calibration slope", 1.0, 1 - reach, 1 + reach, WIDTH, math.ceil(needed))


def _auroc(n: int, prevalence: float, auroc: float, z: float) -> Precision:
    reach = z * riley.se_auroc(n, prevalence, auroc)
    needed = riley.n_auroc(prevalence, auroc, WIDTH_OF_AUROC / 2 / z)
    ends = max(0.0, auroc - reach), min(1.0, auroc + reach)
    return Precision("AUROC", auroc, *ends, WIDTH_OF_AUROC, math.ceil(needed))


def _net_benefit(n: int, labelled: LabelledPredictions, index: int, z: float) -> Precision | None:
    """Net benefit at 0.5, divided by the prevalence.

    None where all predictions are right, or all are wrong: the formula has no width there.
    """
    in_class, predicted = labelled.truth == index, labelled.probabilities[:, index] >= _THRESHOLD
    prevalence, sensitivity = float(in_class.mean()), float(predicted[in_class].mean())
    specificity = 1 - float(predicted[~in_class].mean())
    at = (prevalence, sensitivity, specificity, _THRESHOLD)
    se = riley.se_net_benefit(n, *at)
    if se == 0:
        return None
    value = sensitivity - (1 - specificity) * (1 - prevalence) / prevalence
    needed = riley.n_net_benefit(*at, WIDTH / 2 / z)
    ends = value - z * se, value + z * se
    name = f"standardised net benefit at {_THRESHOLD:g}"
    return Precision(name, value, *ends, WIDTH, math.ceil(needed))


def _development(n: int, prevalence: float, odds: riley.LogOdds, z: float) -> Development:
    r2 = riley.r_squared(odds, prevalence)
    shrinkage = max(SHRINKAGE, riley.shrinkage_of_optimism(r2, prevalence))
    return Development(
        overall_risk_margin=z * math.sqrt(prevalence * (1 - prevalence) / n),
        n_for_overall_risk=math.ceil(riley.n_overall_risk(prevalence, MARGIN, z)),
        r_squared=r2,
        most_parameters=n / riley.n_shrinkage(1, r2, shrinkage),
    )
