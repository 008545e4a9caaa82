"""Simulated pairs of runs, and the intervals of their differences as they were made before."""

from __future__ import annotations

from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from ricenet_v2.evaluation import confusion_matrix
from ricenet_v2.evaluation.compared_metrics import ACCURACY, BALANCED, LOG_LOSS, MACRO_F1, values_of
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.intervals import bca
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC, BRIER
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.sufficient_statistics import brier_of, log_loss_of

METRICS = (ACCURACY, MACRO_F1, BALANCED, AUROC, BRIER, LOG_LOSS)

Floats = NDArray[np.float64]
Ends = tuple[float, float] | None


def pair_of(
    n: int, share: float, aurocs: tuple[float, float], cases: int, random: np.random.Generator
) -> tuple[LabelledPredictions, LabelledPredictions]:
    """Two runs on n cases of n / cases patients, each class with a patient at least.

    Cases are called where they score above the middle between the classes; probabilities are those
    of the scores.
    """
    n_patients, truth = n // cases, np.zeros(1, dtype=np.intp)
    while not 0 < truth.sum() < len(truth):
        truth = (random.random(n_patients) < share).astype(np.intp)
    owner = np.repeat(np.arange(n_patients), cases)
    truth = truth[owner]

    def noise() -> Floats:
        alone, shared = random.normal(size=len(owner)), random.normal(size=n_patients)[owner]
        values: Floats = alone if cases == 1 else np.sqrt(0.5) * (alone + shared)
        return values

    common, values = noise(), []
    for auroc in aurocs:
        apart = 2**0.5 * float(stats.norm.ppf(auroc))
        scores = np.sqrt(0.5) * (common + noise()) + apart * truth
        odds = apart * (scores - apart / 2) + np.log(share / (1 - share))
        p = 1 / (1 + np.exp(-odds))
        values.append(
            LabelledPredictions(
                case_ids=tuple(f"c{i}" for i in range(len(owner))),
                patients=tuple(f"p{i}" for i in owner),
                truth=truth,
                predicted=(scores > apart / 2).astype(np.intp),
                probabilities=np.column_stack([1 - p, p]),
                classes=("a", "b"),
            )
        )
    return values[0], values[1]


@cache
def true_differences(share: float, aurocs: tuple[float, float]) -> dict[str, float]:
    """Differences in a whole population; 0 for identical runs."""
    if aurocs[0] == aurocs[1]:
        return dict.fromkeys(METRICS, 0.0)
    random = np.random.default_rng(99)
    first, other = (
        values_of(run, 1, METRICS) for run in pair_of(400_000, share, aurocs, 1, random)
    )
    return {name: first[name] - other[name] for name in METRICS}


def before(
    runs: tuple[LabelledPredictions, LabelledPredictions], samples: int, seed: int
) -> dict[str, Ends]:
    """Intervals by the paired bootstrap of patients; of the AUROC by DeLong."""
    patients = runs[0].grouping

    def differences(weights: Floats) -> Floats:
        first, other = (_means(run, weights) for run in runs)
        return first - other

    value = differences(np.ones((len(runs[0]), 1)))[0]
    drawn = replicated(differences, patients.samples(samples, np.random.default_rng(seed)))
    left_out = replicated(differences, patients.left_out())
    names = (ACCURACY, MACRO_F1, BALANCED, BRIER, LOG_LOSS)
    ends: dict[str, Ends] = {
        name: bca(float(value[k]), drawn[:, k], left_out[:, k]) for k, name in enumerate(names)
    }
    scores = np.stack([run.probabilities[:, 1] for run in runs])
    of_areas = areas(scores, runs[0].truth == 1, patients)
    _, low, high, _ = of_areas.difference(0, 1) if of_areas else (0.0, None, None, None)
    ends[AUROC] = None if low is None or high is None else (low, high)
    return ends


def _means(run: LabelledPredictions, weights: Floats) -> Floats:
    """Accuracy, macro F1, balanced accuracy, Brier score, log loss of samples (samples, 5)."""
    codes = 2 * run.truth + run.predicted
    cells = np.stack([weights[codes == code].sum(axis=0) for code in range(4)], axis=1)
    counts, total = cells.reshape(-1, 2, 2), weights.sum(axis=0)
    lacks = (counts.sum(axis=2) == 0).any(axis=1)
    means = [
        each @ weights / total
        for each in (
            (run.truth == run.predicted).astype(np.float64),
            brier_of(run.truth, run.probabilities),
            log_loss_of(run.truth, run.probabilities),
        )
    ]
    f1, balanced = confusion_matrix.macro_f1(counts), confusion_matrix.balanced_accuracy(counts)
    return np.column_stack([means[0], np.where(lacks, np.nan, f1), balanced, means[1], means[2]])


def mcnemar(runs: tuple[LabelledPredictions, LabelledPredictions]) -> float:
    """P-value of the test of McNemar for the accuracy."""
    first, second = (run.truth == run.predicted for run in runs)
    only, both = int(np.sum(first & ~second)), int(np.sum(first != second))
    return float(stats.binomtest(only, both).pvalue) if both else 1.0
