"""Metrics of repeated cross-validation: each repeat alone, and their mean.

A mean over repeats rests on the same patients as each of them: its standard deviation is at most
the mean of theirs, and about that where repeats agree. So the limits of its interval are the means
of the repeats' limits, which hold patients together (each is clustered by patient) and do not
shrink with the number of repeats.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from ricenet_v2.records.metrics import Evaluation, Metric, MetricGroup


def over_repeats(evaluations: Sequence[Evaluation]) -> Evaluation:
    """The mean of each metric over the repeats, with the metrics of each repeat as a group.

    What is counted and not averaged is that of the first repeat: the confusion matrix, thresholds,
    and the sample sizes.

    Args:
        evaluations: Evaluations of the same cases, one of each repeat; a single one is returned
            unchanged.
    """
    first, n = evaluations[0], len(evaluations)
    if n == 1:
        return first
    repeats = tuple(
        MetricGroup(
            name=f"repeat {number}",
            kind="repeat",
            n_cases=each.n_cases,
            n_patients=each.n_patients,
            confusion=each.confusion,
            metrics=each.metrics,
        )
        for number, each in enumerate(evaluations)
    )
    folds = tuple(group for each in evaluations for group in each.groups if group.kind == "fold")
    return replace(
        first,
        title=f"{first.title}, mean over {n} repeats",
        metrics=tuple(_means([each.metrics for each in evaluations])),
        groups=(*repeats, *folds, *_subgroups(evaluations)),
        repeats=n,
    )


def _subgroups(evaluations: Sequence[Evaluation]) -> Iterator[MetricGroup]:
    """Means of the groups that are the same cases in each repeat."""
    by_name = [
        {group.name: group for group in each.groups if group.kind == "subgroup"}
        for each in evaluations
    ]
    for name, group in by_name[0].items():
        same_groups = [groups[name] for groups in by_name if name in groups]
        yield replace(group, metrics=tuple(_means([each.metrics for each in same_groups])))


def _means(metrics: Sequence[Sequence[Metric]]) -> Iterator[Metric]:
    by_name = [{metric.name: metric for metric in each} for each in metrics]
    for metric in metrics[0]:
        yield _mean([named[metric.name] for named in by_name if metric.name in named], len(metrics))


def _mean(metrics: Sequence[Metric], n_repeats: int) -> Metric:
    """The mean of one metric; of those repeats alone in which it is defined."""
    defined = [metric for metric in metrics if metric.value is not None]
    first = (defined or metrics)[0]
    if not defined:
        return first
    warned = [metric.warning for metric in defined if metric.warning]
    warnings = [f"in a repeat: {text}" for text in warned[:1]]
    if len(defined) < n_repeats:
        warnings.append(f"not defined in {n_repeats - len(defined)} of {n_repeats} repeats")
    low, high = ([getattr(metric, end) for metric in defined] for end in ("low", "high"))
    has_interval = None not in (*low, *high)
    method = f"{first.method}; value and limits are means over the repeats"
    if not has_interval:
        method = "no interval: mean over the repeats"
    return replace(
        first,
        value=_average([metric.value for metric in defined]),
        low=_average(low) if has_interval else None,
        high=_average(high) if has_interval else None,
        method=method,
        warning="; ".join(warnings),
        debiased=_average([metric.debiased for metric in defined]),
        calibrated=None,
    )


def _average(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return sum(known) / len(known) if len(known) == len(values) else None
