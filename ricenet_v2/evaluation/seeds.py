"""Variation between training seeds: how far trainings differ that differ in nothing but the seed.

Weights, order of cases and augmentation are redrawn with each seed, the cases are the same. So
this is the variance of training (Bouthillier et al. 2021, Accounting for variance in machine
learning benchmarks), and says nothing of other patients, which the interval by patients is about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy import stats

from ricenet_v2.core import documents
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.evaluation.centres import scheme_of
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.evaluation.trainings import Trainings
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.records.splits import leave_one_out
from ricenet_v2.store import tables
from ricenet_v2.store.paths import SEEDS_CSV, SEEDS_JSON, ModelPaths


def variance(trainings: Trainings, options: EvaluationOptions) -> SeedVariance:
    """Every metric of each training, with mean, standard deviation and range over the seeds.

    How well a standard deviation is known is that of normal values (chi-square): of three seeds
    from half to six times its value.

    Args:
        trainings: Trainings, at least two.
        options: Options of the intervals by patients.
    """
    runs = list(trainings.labelled.values())
    alone = replace(options, subgroups=(), bands=())
    each = [evaluate(labelled, alone).metrics for labelled in runs]
    by_name = [{metric.name: metric for metric in metrics} for metrics in each]
    names = [metric.name for metric in each[0] if all(metric.name in named for named in by_name)]
    predictions = np.stack([labelled.predicted for labelled in runs])
    run, first = trainings.run, runs[0]
    model = next(iter(trainings.models.values()))
    scheme = leave_one_out(run.group) if run.group else ""
    seed_variance = SeedVariance(
        title=f"{trainings.paths.name}, {model.folder.name}: out-of-fold{scheme_of(model)}, "
        f"pooled, {len(runs)} training seeds",
        seeds=tuple(trainings.models),
        models=tuple(model.folder.name for model in trainings.models.values()),
        epochs=run.epochs,
        n_folds=run.n_folds,
        scheme=scheme,
        pretrained=run.pretrained.file if run.pretrained else "",
        n_cases=len(first),
        n_patients=first.grouping.count,
        classes=first.classes,
        positive_class=first.classes[options.positive],
        metrics=tuple(_over_seeds([named[name] for named in by_name]) for name in names),
        sd_factors=sd_factors(len(runs), options.level),
        n_predictions_differ=int(np.sum((predictions != predictions[0]).any(axis=0))),
        level=options.level,
        n_bootstrap=options.n_bootstrap,
        seed=options.seed,
        predictions=prediction_hashes(trainings.models.values()),
        meaning=_meaning(len(runs), options.level, pretrained=run.pretrained is not None),
    )
    return with_selection(seed_variance, trainings.models.values())


def _over_seeds(metrics: Sequence[Metric]) -> SeedMetric:
    """One metric of several trainings."""
    values = tuple(metric.value for metric in metrics)
    known = [value for value in values if value is not None]
    metric = SeedMetric(
        name=metrics[0].name,
        values=values,
        mean=None,
        sd=None,
        lowest=None,
        highest=None,
        lows=tuple(metric.low for metric in metrics),
        highs=tuple(metric.high for metric in metrics),
        n=metrics[0].n,
        method=metrics[0].method,
    )
    if len(known) < len(values):
        return metric
    return replace(
        metric,
        mean=float(np.mean(known)),
        sd=float(np.std(known, ddof=1)),
        lowest=min(known),
        highest=max(known),
    )


def sd_factors(n: int, level: float = 0.95) -> tuple[float, float]:
    """Factors from a standard deviation of `n` normal values to the ends of its interval."""
    tail = (1 - level) / 2
    low, high = (math.sqrt((n - 1) / stats.chi2.ppf(p, n - 1)) for p in (1 - tail, tail))
    return float(low), float(high)


def _meaning(n: int, level: float, *, pretrained: bool) -> str:
    low, high = sd_factors(n, level)
    drawn = "order of cases and augmentation" if pretrained else "weights, order and augmentation"
    return (
        f"The seed alone ({drawn}) differs between the {n} trainings: their spread is the variance "
        "of training on these very cases. It says nothing about other patients; the interval by "
        "patients is about these, and holds no variance of training. Of "
        f"{n} seeds the standard deviation itself is known only from {low:.2g} to {high:.2g} times "
        f"its value ({level:.0%}, normal values)."
    )


def prediction_hashes(models: Iterable[ModelPaths]) -> dict[str, str]:
    """SHA-256 of the out-of-fold predictions of models, by model, fold and file."""
    return {
        f"{model.folder.name}/{file.parent.name}/{file.name}": sha256_of_file(file)
        for model in models
        for file in (model.fold(fold).validation for fold in model.folds())
        if file.is_file()
    }


def write_seeds(folder: Path, seed_variance: SeedVariance) -> None:
    """Write seeds.json and seeds.csv, one row a metric."""
    documents.write(folder / SEEDS_JSON, seed_variance)
    names = [f"seed_{seed}" for seed in seed_variance.seeds]
    of_seeds = ("mean", "sd", "lowest", "highest")
    ends = [(f"{name}_low", f"{name}_high") for name in names]
    rows = []
    for metric in seed_variance.metrics:
        row: dict[str, object] = {"metric": metric.name, "n": metric.n}
        row |= dict(zip(names, metric.values, strict=True))
        row |= {name: getattr(metric, name) for name in of_seeds}
        for (low, high), *values in zip(ends, metric.lows, metric.highs, strict=True):
            row[low], row[high] = values
        rows.append(row)
    columns = ("metric", "n", *names, *of_seeds, *(end for both in ends for end in both))
    tables.write_rows(folder / SEEDS_CSV, rows, columns)
