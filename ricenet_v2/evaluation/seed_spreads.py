"""Warnings that two runs differ no more than trainings with other seeds do."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.names import fault_of
from ricenet_v2.evaluation.seeds import prediction_hashes
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.seeds import SeedVariance
from ricenet_v2.store.paths import SEEDS_JSON, DatasetPaths, ModelPaths


def spreads_of(runs: Mapping[str, str], dataset: DatasetPaths | None) -> dict[str, SeedVariance]:
    """Variance over training seeds of runs, where their models are those that were read.

    Args:
        runs: Name of each run, and what it was named by: the folder of a model, or its name.
        dataset: Folders of the dataset, where one is named.
    """
    spreads = {}
    for name, run in runs.items():
        model = ModelPaths(Path(run))
        if not model.folds() and dataset is not None and not fault_of(run):
            model = dataset.model(run)
        if not model.folds():
            continue
        for file in sorted(model.folder.parent.glob(f"*/{model.crossval.name}/{SEEDS_JSON}")):
            seed_variance = documents.read(SeedVariance, file)
            if prediction_hashes([model]).items() <= seed_variance.predictions.items():
                spreads[name] = seed_variance
    return spreads


def with_spreads(comparison: Comparison, spreads: Mapping[str, SeedVariance]) -> Comparison:
    """Return the comparison with a warning where runs differ no more than seeds do."""
    return replace(
        comparison, pairs=tuple(_with_spread(pair, spreads) for pair in comparison.pairs)
    )


def _with_spread(pair: Pair, spreads: Mapping[str, SeedVariance]) -> Pair:
    both = [(name, spreads[name]) for name in (pair.a, pair.b) if name in spreads]
    if pair.difference is None or not both:
        return pair
    if len(both) > 1 and both[0][1] == both[1][1]:
        warning = f"the runs differ only in their training seed, one of {len(both[0][1].seeds)}"
        return replace(pair, warning="; ".join(filter(None, (pair.warning, warning))))
    widths = [
        (metric.highest - metric.lowest, name, metric, known)
        for name, known in both
        for metric in known.metrics
        if metric.name == pair.metric and metric.highest is not None and metric.lowest is not None
    ]
    if not widths:
        return pair
    width, name, metric, known = max(widths, key=lambda entry: entry[0])
    if abs(pair.difference) > width:
        return pair
    warning = (
        f"no more than the {len(known.seeds)} training seeds of {name} differ by "
        f"({metric.lowest:.3f} to {metric.highest:.3f})"
    )
    return replace(pair, warning="; ".join(filter(None, (pair.warning, warning))))
