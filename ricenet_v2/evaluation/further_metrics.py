"""Metrics that other packages bring, by entry points of the group `ricenet_v2.metrics`.

Every metric that is installed is computed with each evaluation.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DocumentError, PluginError
from ricenet_v2.core.plugins import Door
from ricenet_v2.core.seeds import generator
from ricenet_v2.core.types import Floats, Indices
from ricenet_v2.evaluation.estimates import FEWEST_PATIENTS
from ricenet_v2.evaluation.intervals import bca
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.metrics import Evaluation, Metric

logger = logging.getLogger(__name__)
Value = Callable[[Indices, Indices, Floats, int], float]


@dataclass(frozen=True)
class MetricSpecification:
    """A metric of predictions with truths.

    Attributes:
        label: Name of the metric, as tables show it.
        value: A function, or `module:function`, from the class index of each case, the predicted
            class index, both of shape (cases,), the probabilities (cases, classes), and the index
            of the class that metrics of two classes are about, to a number; NaN where it is not
            defined.
    """

    label: str
    value: Value | str


METRICS: Door[MetricSpecification] = Door("metrics", "metric", MetricSpecification, {})


def further_metrics(
    labelled: LabelledPredictions,
    positive: int,
    n_bootstrap: int,
    seed: int,
    level: float,
    taken: Collection[str] = (),
) -> list[Metric]:
    """Each metric that is installed, with a BCa bootstrap interval that draws patients.

    Args:
        labelled: Predictions with truths; one case at least.
        positive: Index of the class that metrics of two classes are about.
        n_bootstrap: Bootstrap samples.
        seed: Random seed of the samples.
        level: Coverage of the interval.
        taken: Names of metrics of this program, which no package can use.

    Raises:
        PluginError: A package cannot be imported or fails, or calls its metric as another one is
            called.
    """
    metrics: list[Metric] = []
    for name in METRICS.names:
        label, plugin = METRICS[name].label, METRICS.plugin(name)
        assert plugin is not None  # all of this table are
        if label in {*taken, *(metric.name for metric in metrics)}:
            raise PluginError(
                f"The metric {name} of {plugin.origin} has the name of another metric: {label}.",
                remedy=f"Uninstall it (pip uninstall {plugin.package}), or inform its authors.",
            )
        with METRICS.blamed(name, "cannot be computed"):
            value = _value(labelled, name, positive)
            low, high, lacking = _interval(
                labelled, name, value, positive, n_bootstrap, seed, level
            )
        metrics.append(
            Metric(
                label,
                value if np.isfinite(value) else None,
                low,
                high,
                len(labelled),
                f"BCa bootstrap of patients, {n_bootstrap} samples, seed {seed}",
                lacking,
                package=plugin.origin,
            )
        )
    return metrics


def warn_of_missing(evaluation: Evaluation, file: Path) -> None:
    """Warn of metrics in an earlier evaluation whose packages are no longer installed.

    Args:
        evaluation: Evaluation that is to be written.
        file: metrics.json of the earlier one, which may be missing.
    """
    try:
        before = documents.read(Evaluation, file).metrics if file.is_file() else ()
    except DocumentError:
        return  # whoever writes the file refuses it
    names = {metric.name for metric in evaluation.metrics}
    for metric in before:
        if metric.package and metric.name not in names:
            logger.warning(
                "%s has %s, which %s brings. That is not installed, so this metric is left out. If "
                "you trust the package: pip install %s",
                file,
                metric.name,
                metric.package,
                "==".join(metric.package.rsplit(" ", 1)),
            )


def _value(labelled: LabelledPredictions, name: str, positive: int) -> float:
    function = METRICS.function(name, "value")
    return float(function(labelled.truth, labelled.predicted, labelled.probabilities, positive))


def _interval(
    labelled: LabelledPredictions,
    name: str,
    value: float,
    positive: int,
    n_bootstrap: int,
    seed: int,
    level: float,
) -> tuple[float | None, float | None, str]:
    """Both ends, or why there are none."""
    patients = labelled.grouping
    if not np.isfinite(value):
        return None, None, "not defined for these cases"
    if patients.is_clustered and patients.count < FEWEST_PATIENTS:
        return None, None, f"no interval: {len(labelled)} cases of only {patients.count} patients"
    function = METRICS.function(name, "value")
    classes = np.unique(labelled.truth)

    def of_samples(parts: Iterator[Floats]) -> Floats:
        values = [
            _of_sample(labelled, weights, function, positive, classes)
            for part in parts
            for weights in part.T
        ]
        return np.asarray(values, dtype=np.float64)

    random = generator(seed, "further metrics", name)
    replicates = of_samples(patients.samples(n_bootstrap, random))
    ends = bca(value, replicates, of_samples(patients.left_out()), level)
    few = "no interval: too few patients, or no variation between samples"
    return (*ends, "") if ends else (None, None, few)


def _of_sample(
    labelled: LabelledPredictions, weights: Floats, function: Value, positive: int, classes: Indices
) -> float:
    """The metric of a sample; NaN where it lacks a class that the cases have."""
    chosen = np.repeat(np.arange(len(weights)), weights.astype(np.intp))
    truth = labelled.truth[chosen]
    if len(np.unique(truth)) < len(classes):
        return float("nan")
    values = (truth, labelled.predicted[chosen], labelled.probabilities[chosen])
    return float(function(*values, positive))
