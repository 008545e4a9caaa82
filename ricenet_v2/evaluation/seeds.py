"""Variance over training seeds: how far trainings differ that differ in nothing but the seed.

Weights, order of cases and augmentation are drawn anew with each seed, the cases are the same. So
this is the variance of training (Bouthillier et al. 2021, Accounting for variance in machine
learning benchmarks), and says nothing of other patients, which the interval by patients is about.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy import stats

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.core.names import fault_of
from ricenet_v2.evaluation.aligned_runs import on_same_cases
from ricenet_v2.evaluation.centres import scheme_of
from ricenet_v2.evaluation.evaluate import EvaluationOptions, evaluate
from ricenet_v2.evaluation.evaluation_input import positive_index
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.records.comparison import Comparison, Pair
from ricenet_v2.records.metrics import Metric
from ricenet_v2.records.run import Run
from ricenet_v2.records.seeds import SeedMetric, SeedVariance
from ricenet_v2.records.splits import leave_one_out
from ricenet_v2.store import tables
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import (
    CASES_CSV,
    SEEDS_CSV,
    SEEDS_JSON,
    DatasetPaths,
    ModelPaths,
    dataset_paths,
)
from ricenet_v2.store.positive import positive_of
from ricenet_v2.store.seeds import seed_models


@dataclass(frozen=True)
class Trainings:
    """The trainings of one model, on the same cases in the same order.

    Attributes:
        paths: Folders of the dataset.
        models: Models, by seed.
        scored: Predictions by seed.
        run: Run of the first fold of the first seed.
    """

    paths: DatasetPaths
    models: Mapping[int, ModelPaths]
    scored: Mapping[int, LabelledPredictions]
    run: Run

    @property
    def folder(self) -> Path:
        """Where their variance is written: beside the figures of the first seed."""
        return next(iter(self.models.values())).crossval


def read_trainings(
    dataset: str,
    plan: str,
    channels: str,
    workspace: Path | None,
    seeds: Sequence[int] = (),
) -> Trainings:
    """Pool the folds of each seed.

    Args:
        dataset: Id, name, or path of the raw dataset folder.
        plan: Name of the plan.
        channels: Label of the channels.
        workspace: Holds raw/, preprocessed/ and results/.
        seeds: Seeds of the trainings; all that exist where empty.

    Raises:
        DatasetError: A seed is named twice, was not trained or not to its end; there are fewer than
            two; or more than the seed differs.
    """
    paths = dataset_paths(dataset, workspace)
    there = seed_models(paths, plan, channels)
    chosen = sorted(seeds or there)
    missing = [seed for seed in chosen if seed not in there]
    if len(chosen) < 2 or missing or len(set(chosen)) < len(chosen):
        names = ", ".join(map(str, there)) or "none"
        wanted = chosen if len(set(chosen)) > 1 else [0, 1, 2]
        raise DatasetError(
            "The variance over training seeds needs the same model trained with several seeds.",
            file=paths.results,
            expected="two or more different seeds that were trained",
            got=f"trained: {names}" + (f"; asked for: {', '.join(map(str, seeds))}" * bool(seeds)),
            remedy=f"Run ricenet_train {dataset} all --seeds {' '.join(map(str, wanted))} "
            "--continue with the options of before.",
        )
    models = {seed: there[seed] for seed in chosen}
    runs = {seed: runs_of(model) for seed, model in models.items()}
    _check_same(runs, models)
    table = paths.raw / CASES_CSV
    pooled = {str(seed): pool(model, dataset, table) for seed, model in models.items()}
    alike = on_same_cases(pooled).runs
    first = runs[chosen[0]]
    scored = {seed: alike[str(seed)] for seed in chosen}
    return Trainings(paths, models, scored, first[min(first)])


def _check_same(runs: Mapping[int, Mapping[int, Run]], models: Mapping[int, ModelPaths]) -> None:
    """Refuse trainings in which more than the seed differs."""
    what: dict[str, Callable[[Run], object]] = {
        "number of epochs": lambda run: run.epochs,
        "plan and settings": lambda run: run.plan_hash,
        "preprocessed cases": lambda run: run.preprocessed_hash,
        "cases of a fold": lambda run: run.fold_hash,
        "version, of which one corrects for the prior": lambda run: run.prior is not None,
        "pretrained weights": lambda run: run.pretrained and run.pretrained.sha256,
    }
    seeds = list(runs)
    for seed in seeds[1:]:
        differing = [
            name
            for name, value in what.items()
            for fold in sorted(set(runs[seed]) & set(runs[seeds[0]]))
            if value(runs[seed][fold]) != value(runs[seeds[0]][fold])
        ]
        if differing:
            raise DatasetError(
                f"More than the seed differs between the trainings of seeds {seeds[0]} and {seed}.",
                file=models[seed].folder,
                expected="the same plan, settings, epochs, pretrained weights and folds",
                got=f"another {', another '.join(dict.fromkeys(differing))}",
                remedy="Move one of the folders away and train that seed with the options of the "
                "other: "
                f"{going_on(models[seed].fold(next(iter(runs[seed]))).folder)}",
            )


def variance(trainings: Trainings, options: EvaluationOptions) -> SeedVariance:
    """Every figure of each training, with mean, standard deviation and range over the seeds.

    How well a standard deviation is known is that of normal values (chi-square): of three seeds
    from half to six times its value.

    Args:
        trainings: At least two.
        options: Options of the intervals by patients.
    """
    runs = list(trainings.scored.values())
    alone = replace(options, subgroups=(), bands=())
    each = [evaluate(scored, alone).figures for scored in runs]
    by_name = [{figure.name: figure for figure in figures} for figures in each]
    names = [figure.name for figure in each[0] if all(figure.name in named for named in by_name)]
    calls = np.stack([scored.predicted for scored in runs])
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
        figures=tuple(_over_seeds([named[name] for named in by_name]) for name in names),
        sd_factors=sd_factors(len(runs), options.level),
        n_calls_differ=int(np.sum((calls != calls[0]).any(axis=0))),
        level=options.level,
        n_bootstrap=options.n_bootstrap,
        seed=options.seed,
        predictions=_hashes(trainings.models.values()),
        meaning=_meaning(len(runs), options.level, pretrained=run.pretrained is not None),
    )
    return with_selection(seed_variance, trainings.models.values())


def positive_of_trainings(trainings: Trainings, name: str | None) -> int:
    """Index of the positive class: that named, else that of the dataset."""
    model = next(iter(trainings.models.values()))
    scored = next(iter(trainings.scored.values()))
    return positive_index(scored, name or positive_of(model, trainings.paths.raw))


def _over_seeds(figures: Sequence[Metric]) -> SeedMetric:
    """One figure of several trainings."""
    values = tuple(figure.value for figure in figures)
    known = [value for value in values if value is not None]
    metric = SeedMetric(
        name=figures[0].name,
        values=values,
        mean=None,
        sd=None,
        lowest=None,
        highest=None,
        lows=tuple(figure.low for figure in figures),
        highs=tuple(figure.high for figure in figures),
        n=figures[0].n,
        method=figures[0].method,
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
        "of training on these very cases. It says nothing of other patients; the interval by "
        "patients is about these, and holds no variance of training. Of "
        f"{n} seeds the standard deviation itself is known only from {low:.2g} to {high:.2g} times "
        f"its value ({level:.0%}, normal values)."
    )


def _hashes(models: Iterable[ModelPaths]) -> dict[str, str]:
    return {
        f"{model.folder.name}/{file.parent.name}/{file.name}": sha256_of_file(file)
        for model in models
        for file in (model.fold(fold).validation for fold in model.folds())
        if file.is_file()
    }


def write_seeds(folder: Path, seed_variance: SeedVariance) -> None:
    """Write seeds.json and seeds.csv, one row a figure."""
    documents.write(folder / SEEDS_JSON, seed_variance)
    names = [f"seed_{seed}" for seed in seed_variance.seeds]
    of_seeds = ("mean", "sd", "lowest", "highest")
    ends = [(f"{name}_low", f"{name}_high") for name in names]
    rows = []
    for figure in seed_variance.figures:
        row: dict[str, object] = {"figure": figure.name, "n": figure.n}
        row |= dict(zip(names, figure.values, strict=True))
        row |= {name: getattr(figure, name) for name in of_seeds}
        for (low, high), *values in zip(ends, figure.lows, figure.highs, strict=True):
            row[low], row[high] = values
        rows.append(row)
    columns = ("figure", "n", *names, *of_seeds, *(end for both in ends for end in both))
    tables.write_rows(folder / SEEDS_CSV, rows, columns)


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
            if _hashes([model]).items() <= seed_variance.predictions.items():
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
        (figure.highest - figure.lowest, name, figure, known)
        for name, known in both
        for figure in known.figures
        if figure.name == pair.figure and figure.highest is not None and figure.lowest is not None
    ]
    if not widths:
        return pair
    width, name, figure, known = max(widths, key=lambda entry: entry[0])
    if abs(pair.difference) > width:
        return pair
    warning = (
        f"no more than the {len(known.seeds)} training seeds of {name} differ by "
        f"({figure.lowest:.3f} to {figure.highest:.3f})"
    )
    return replace(pair, warning="; ".join(filter(None, (pair.warning, warning))))
