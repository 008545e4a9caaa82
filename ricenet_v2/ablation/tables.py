"""Metrics of every subset, and how they differ from those of all channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from ricenet_v2.ablation.contributions import contributions
from ricenet_v2.ablation.values import METRICS, Resampling
from ricenet_v2.evaluation.aligned_runs import AlignedRuns, on_same_cases
from ricenet_v2.evaluation.comparisons import compare
from ricenet_v2.evaluation.evaluate import EvaluationOptions, metrics_of
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.evaluation.read import read_labelled
from ricenet_v2.records.ablation import ChannelGroup, SourceTable, Subset, SubsetMetrics
from ricenet_v2.records.comparison import Pair
from ricenet_v2.records.metrics import Source
from ricenet_v2.store.paths import DatasetPaths


def out_of_fold(paths: DatasetPaths, subsets: Sequence[Subset], dataset: str) -> AlignedRuns:
    """The pooled folds of every subset, on the same cases in the same order.

    Raises:
        DatasetError: Some fold is not finished, or the truths of a case differ.
    """
    return on_same_cases({s.name: pool(paths.model(s.model), dataset) for s in subsets})


def of_test(files: Mapping[str, Path], truths: Path) -> AlignedRuns:
    """Predictions of the test cases by every subset; cases without a known label are left out.

    Args:
        files: predictions.csv of each subset.
        truths: cases.csv of the dataset.

    Raises:
        DatasetError: A table cannot be used.
    """
    return on_same_cases(
        {name: read_labelled(file, truths, allow_missing=True) for name, file in files.items()}
    )


def table_of(
    source: Source,
    aligned: AlignedRuns,
    subsets: Sequence[Subset],
    groups: Sequence[ChannelGroup],
    majority: int,
    how: Resampling,
) -> SourceTable:
    """Metrics, differences and Shapley values of one set of cases.

    Args:
        source: Origin of the cases.
        aligned: Predictions of the subsets, all groups first.
        subsets: Subsets, in the same order.
        groups: Groups of the dataset.
        majority: Most frequent class of the training cases.
        how: Settings of the intervals.
    """
    first = next(iter(aligned.runs.values()))
    differences = _differences(aligned, how)
    counts = first.counts.sum(axis=1)
    return SourceTable(
        source=source,
        n_cases=len(first),
        n_patients=first.grouping.count,
        class_counts={name: int(n) for name, n in zip(first.classes, counts, strict=True)},
        rows=tuple(
            _row(name, run, differences.get(name, ()), how) for name, run in aligned.runs.items()
        ),
        contributions=contributions(aligned.runs, subsets, groups, majority, how),
    )


def _row(
    name: str, run: LabelledPredictions, differences: Sequence[Pair], how: Resampling
) -> SubsetMetrics:
    options = EvaluationOptions(how.positive, how.n_bootstrap, how.seed, how.level)
    metrics = metrics_of(run, options)
    by_name = {metric.name: metric for metric in metrics}
    return SubsetMetrics(name, tuple(by_name[name] for name in METRICS), tuple(differences))


def _differences(aligned: AlignedRuns, how: Resampling) -> dict[str, tuple[Pair, ...]]:
    """Differences of each subset to all channels; Holm's correction is over the subsets."""
    if len(aligned.runs) < 2:
        return {}
    full = next(iter(aligned.runs))
    pairs = compare(aligned, how.positive, how.n_bootstrap, how.seed, against=full).pairs
    by_subset: dict[str, tuple[Pair, ...]] = {}
    for pair in pairs:
        if pair.metric in METRICS:
            by_subset[pair.a] = (*by_subset.get(pair.a, ()), pair)
    order = {metric: n for n, metric in enumerate(METRICS)}
    return {
        name: tuple(sorted(subset_pairs, key=lambda pair: order[pair.metric]))
        for name, subset_pairs in by_subset.items()
    }
