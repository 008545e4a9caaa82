"""All metrics of one set of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.calibration import slope_and_intercept
from ricenet_v2.evaluation.calibration_indices import calibration_indices
from ricenet_v2.evaluation.estimates import Estimates
from ricenet_v2.evaluation.further_metrics import further_metrics
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC
from ricenet_v2.evaluation.observed_expected import observed_expected
from ricenet_v2.evaluation.precision import sample_sizes
from ricenet_v2.evaluation.proportions import proportions
from ricenet_v2.evaluation.subgroups import Subgroup, groups_of
from ricenet_v2.evaluation.within_fold_auroc import with_interval
from ricenet_v2.records.metrics import (
    Cut,
    Evaluation,
    Metric,
    MetricGroup,
    SetKind,
    Source,
    Threshold,
)

N_BOOTSTRAP = 2000
SMALL_SET = "fewer than 10 cases: its metrics are hardly informative"


@dataclass(frozen=True)
class EvaluationOptions:
    """Options of the metrics and their intervals.

    Attributes:
        positive: Index of the class that metrics of two classes are about.
        n_bootstrap: Resamples of what is compared with folds, and draws of labels.
        seed: Random seed of the resamples and of the draws.
        level: Coverage of the intervals.
        subgroups: Covariates whose groups are evaluated separately; all where None.
        bands: Edges of the groups of a covariate that is a number.
        cuts: Cuts of the out-of-fold cases, for covariates that `bands` does not name; a covariate
            that neither has is cut at its median.
    """

    positive: int
    n_bootstrap: int = N_BOOTSTRAP
    seed: int = 0
    level: float = 0.95
    subgroups: tuple[str, ...] | None = None
    bands: tuple[tuple[str, tuple[float, ...]], ...] = ()
    cuts: tuple[Cut, ...] = ()


def evaluate(
    labelled: LabelledPredictions,
    options: EvaluationOptions,
    title: str = "",
    source: Source = "out-of-fold",
    thresholds: Sequence[Threshold] = (),
) -> Evaluation:
    """Metrics of all cases and of their parts, with intervals.

    Args:
        labelled: Predictions with truths.
        options: Options of the metrics.
        title: Description of the evaluated predictions.
        source: Out-of-fold predictions are of single networks, a test set's of the ensemble.
        thresholds: Thresholds with their metrics on these cases.

    Raises:
        DatasetError: No cases.
    """
    n = len(labelled)
    if n == 0:
        raise DatasetError("There are no predictions to evaluate.", got="0 cases")
    folds = labelled.members if len(labelled.members) > 1 else {}
    members = [labelled.member(fold) for fold in folds]
    whole = _with_folds(_with_further(labelled, options), labelled, options)
    whole += calibration_indices(labelled, options.positive, options.seed)
    groups, cuts = groups_of(labelled, options.subgroups, dict(options.bands), options.cuts, source)
    sets = [
        *(_part(group, labelled.part(group.cases), options) for group in groups),
        *(
            _set(f"member of fold {fold}", "member", member, _with_further(member, options))
            for fold, member in zip(folds, members, strict=True)
        ),
    ]
    return Evaluation(
        title=title,
        classes=labelled.classes,
        n_cases=n,
        n_patients=labelled.grouping.count,
        confusion=_whole(labelled.counts),
        metrics=tuple(whole),
        level=options.level,
        n_bootstrap=options.n_bootstrap,
        seed=options.seed,
        missing=labelled.missing,
        unlabelled=labelled.unlabelled,
        positive_class=labelled.classes[options.positive],
        source=source,
        groups=tuple(sets),
        thresholds=tuple(thresholds),
        sample_sizes=sample_sizes(labelled, options.positive, source, options.level),
        cuts=cuts,
    )


def _with_folds(
    metrics: Sequence[Metric], labelled: LabelledPredictions, options: EvaluationOptions
) -> list[Metric]:
    """Add the AUROC within folds behind the pooled one, with a warning where they differ."""
    within = with_interval(_estimates(labelled, options))
    completed: list[Metric] = []
    for metric in metrics:
        if within is None or metric.name != AUROC:
            completed.append(metric)
            continue
        test, of_folds = within
        warning = "; ".join(filter(None, (metric.warning, test.warning)))
        completed += [replace(metric, warning=warning), *of_folds]
    return completed


def metrics_of(labelled: LabelledPredictions, options: EvaluationOptions) -> list[Metric]:
    """Every metric of one set of predictions."""
    return [
        *_estimates(labelled, options).metrics(),
        *slope_and_intercept(labelled, options.positive, options.level),
        *observed_expected(labelled, options.positive, options.level),
        *proportions(labelled, options.level),
    ]


def _with_further(labelled: LabelledPredictions, options: EvaluationOptions) -> list[Metric]:
    """Every metric, and those of other packages behind them."""
    metrics = metrics_of(labelled, options)
    names = {metric.name for metric in metrics}
    return metrics + further_metrics(
        labelled, options.positive, options.n_bootstrap, options.seed, options.level, names
    )


def _estimates(labelled: LabelledPredictions, options: EvaluationOptions) -> Estimates:
    return Estimates(labelled, options.positive, options.level, options.n_bootstrap, options.seed)


def _part(group: Subgroup, part: LabelledPredictions, options: EvaluationOptions) -> MetricGroup:
    return _set(group.name, group.kind, part, _with_further(part, options))


def _set(
    name: str, kind: SetKind, part: LabelledPredictions, metrics: Sequence[Metric]
) -> MetricGroup:
    return MetricGroup(
        name=name,
        kind=kind,
        n_cases=len(part),
        n_patients=part.grouping.count,
        confusion=_whole(part.counts),
        metrics=tuple(metrics),
        warning=SMALL_SET if len(part) < 10 else "",
    )


def _whole(counts: Floats) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in counts)
