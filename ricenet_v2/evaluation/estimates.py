"""Metrics of one set of predictions, each with the interval that was found to hold its truth.

Which method holds for which metric was measured on simulated cohorts (documentation/metrics.md).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import areas, confusion_intervals, consistency, losses
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions, one_vs_rest_classes
from ricenet_v2.evaluation.metric_set import BRIER, ECE, MetricSet
from ricenet_v2.records.metrics import Metric

FEW_FOR_ECE = 100
FEWEST_PATIENTS = 4
"""Patients with several cases: with fewer, the correlation of their cases is unknown."""

Interval = tuple[float, float] | None


@dataclass(frozen=True)
class Estimates:
    """Makes the metrics of one set of predictions.

    Attributes:
        labelled: Predictions with truths.
        positive: Class that the metrics of two classes are about.
        level: Coverage of the intervals.
        n_draws: Draws of labels, for the metrics that rest on bins.
        seed: Random seed of the draws.
    """

    labelled: LabelledPredictions
    positive: int
    level: float
    n_draws: int
    seed: int

    def metrics(self) -> list[Metric]:
        """All metrics, in the order of `MetricSet.names`."""
        metric_set = MetricSet.of(self.labelled, self.positive)
        values = metric_set.values(np.ones((len(self.labelled), 1)))[0]
        makers = self._makers(metric_set.class_indices)
        bands = self._bands(metric_set.class_indices)
        metrics = []
        for name, value in zip(metric_set.names, map(float, values), strict=True):
            if name in bands:
                metrics.append(self._binned(name, value, bands[name]))
            else:
                make, method = makers[name]
                metrics.append(self._metric(name, value, make, method))
        return metrics

    def within_folds(self, value: float) -> Metric:
        """The AUROC within folds, which has this value."""
        kind: areas.Kind = "AUROC within folds"
        class_indices = one_vs_rest_classes(self.labelled, self.positive)
        make, method = self._area(kind, class_indices), areas.method(kind, len(class_indices))
        return self._metric(kind, value, make, method)

    def _makers(
        self, class_indices: tuple[int, ...]
    ) -> dict[str, tuple[Callable[[], Interval], str]]:
        """Function and method of the interval of each metric, by name."""
        labelled, level = self.labelled, self.level
        brier = losses.Losses.brier(labelled.truth, labelled.probabilities)
        log = losses.Losses.log(labelled.truth, labelled.probabilities)
        makers: dict[str, tuple[Callable[[], Interval], str]] = {
            "macro F1": (
                lambda: confusion_intervals.macro_f1(labelled, level),
                confusion_intervals.MACRO_F1_METHOD,
            ),
            "balanced accuracy": (
                lambda: confusion_intervals.balanced_accuracy(labelled, level),
                confusion_intervals.BALANCED_METHOD,
            ),
            "MCC": (
                lambda: confusion_intervals.mcc(labelled, level),
                confusion_intervals.MCC_METHOD,
            ),
            BRIER: (lambda: brier.interval(labelled.grouping, level), losses.SCORE),
            "log loss": (lambda: log.interval(labelled.grouping, level), losses.SCORE),
        }
        for k, name in enumerate(labelled.classes):
            makers[f"F1 of {name}"] = (self._f1(k), confusion_intervals.F1_METHOD)
        kinds: tuple[areas.Kind, ...] = ("AUROC", "average precision")
        for kind in kinds:
            makers[kind] = (self._area(kind, class_indices), areas.method(kind, len(class_indices)))
            for k in class_indices if len(class_indices) > 1 else ():
                makers[f"{kind} of {labelled.classes[k]}"] = (
                    self._area(kind, (k,)),
                    areas.method(kind, 1),
                )
        return makers

    def _f1(self, k: int) -> Callable[[], Interval]:
        return lambda: confusion_intervals.f1(self.labelled, k, self.level)

    def _area(self, kind: areas.Kind, class_indices: tuple[int, ...]) -> Callable[[], Interval]:
        return lambda: areas.interval(self.labelled, class_indices, self.level, kind)

    def _metric(self, name: str, value: float, make: Callable[[], Interval], method: str) -> Metric:
        n, patients = len(self.labelled), self.labelled.grouping
        if not np.isfinite(value):
            return Metric(name, None, None, None, n, method, f"not defined: {self._lacking}")
        if patients.is_clustered and patients.count < FEWEST_PATIENTS:
            few = f"no interval: {n} cases of only {patients.count} patients"
            return Metric(name, value, None, None, n, method, few)
        ends = make()
        if ends is None:
            return Metric(name, value, None, None, n, method, f"no interval: {self._lacking}")
        return Metric(name, value, *ends, n, method)

    @cached_property
    def _lacking(self) -> str:
        """Why a metric has no value or no interval."""
        counts = self.labelled.counts.sum(axis=1)
        lacking = [name for name, n in zip(self.labelled.classes, counts, strict=True) if n == 0]
        if lacking:
            return f"no case of {', '.join(lacking)}"
        return "too few patients, or no variation between samples"

    def _bands(self, class_indices: tuple[int, ...]) -> dict[str, consistency.Band]:
        random = generator(self.seed, "labels")
        return consistency.bands(self.labelled, class_indices, self.level, self.n_draws, random)

    def _binned(self, name: str, value: float, band: consistency.Band) -> Metric:
        """A metric that chance adds to, with a band in place of an interval."""
        unbiased = value - band.bias
        if name in {consistency.ERROR, consistency.RELIABILITY}:
            unbiased = max(0.0, unbiased)
        n = len(self.labelled)
        parts = [
            f"below {FEW_FOR_ECE} cases this error is mostly noise"
            if name == ECE and n < FEW_FOR_ECE
            else "",
            f"{unbiased:.3f} after correction for the bias of few cases; perfectly calibrated "
            f"probabilities give {band.low:.3f} to {band.high:.3f}",
        ]
        method = f"no interval: consistency band, {band.n_draws} draws, seed {self.seed}"
        warning = "; ".join(filter(None, parts))
        ends = (band.low, band.high)
        return Metric(name, value, None, None, n, method, warning, unbiased, ends)
