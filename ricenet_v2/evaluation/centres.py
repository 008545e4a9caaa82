"""Metrics of each centre that a fold held out, and how far the centres differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.core.types import Floats
from ricenet_v2.evaluation.compared_metrics import MACRO_F1
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.metric_set import AUROC
from ricenet_v2.evaluation.random_effects import random_effects
from ricenet_v2.evaluation.ranking import Ranking
from ricenet_v2.evaluation.write import metric_cells
from ricenet_v2.records.centres import Centre, Centres, Heterogeneity, Spread
from ricenet_v2.records.metrics import Evaluation, MetricGroup
from ricenet_v2.records.run import Run
from ricenet_v2.records.splits import held_out_by, is_column, leave_one_out
from ricenet_v2.store import tables
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import CENTRES_CSV, CENTRES_JSON, ModelPaths

LEAST_CENTRES, LEAST_OF_CLASS = 3, 5
_METHOD = (
    f"random effects of the logit over {LEAST_CENTRES} or more centres with at least "
    f"{LEAST_OF_CLASS} patients of the class and {LEAST_OF_CLASS} others; variance of Hanley and "
    "McNeil, Paule and Mandel, Student's t; prediction interval with tau drawn from its Q-profile"
)
SPREAD_OF = ("accuracy", MACRO_F1, "balanced accuracy", AUROC, "Brier score")


def held_out_of(model: ModelPaths) -> tuple[str, dict[int, str]]:
    """Column of cases.csv of which the folds of a model hold out one value each, and these values.

    Both are empty where the folds were stratified by class.
    """
    runs: dict[int, Run] = runs_of(model)
    columns = {run.group for run in runs.values()}
    if len(columns) != 1 or columns == {""}:
        return "", {}
    return columns.pop(), {fold: run.held_out for fold, run in runs.items()}


def scheme_of(model: ModelPaths) -> str:
    """Scheme of the folds, in brackets; empty where they are stratified by class."""
    runs = runs_of(model).values()
    schemes = [leave_one_out(group) for group in sorted({run.group for run in runs if run.group})]
    schemes += [
        held_out_by(holdout) if is_column(holdout) else f"{float(holdout):.0%} held out"
        for holdout in sorted({run.holdout for run in runs if run.holdout})
    ]
    return f" ({', '.join(schemes)})" if schemes else ""


def named(evaluation: Evaluation, column: str, names: Mapping[int, str]) -> Evaluation:
    """Return the evaluation with the centres in the names of the folds: `fold 0: centre Bern`."""
    labels = {f"fold {fold}": f"fold {fold}: {column} {name}" for fold, name in names.items()}
    groups = tuple(
        dataclasses.replace(group, name=labels.get(group.name, group.name))
        if group.kind == "fold"
        else group
        for group in evaluation.groups
    )
    return dataclasses.replace(evaluation, groups=groups)


def centres_of(
    labelled: LabelledPredictions,
    evaluation: Evaluation,
    positive: int,
    column: str,
    names: Mapping[int, str],
) -> Centres:
    """Metrics of each centre, their range, and a random-effects summary of the AUROC.

    Args:
        labelled: Out-of-fold predictions.
        evaluation: Their evaluation, whose groups hold the metrics of the folds.
        positive: Class that the AUROC of two classes is about.
        column: Column of cases.csv that the folds hold out.
        names: Value that each fold held out.
    """
    groups = {group.name: group for group in evaluation.groups if group.kind == "fold"}
    folds = np.array(labelled.folds)
    parts = {fold: labelled.part(np.flatnonzero(folds == fold)) for fold in names}
    centres = [
        _centre(fold, name, _group_of(groups, fold), parts[fold]) for fold, name in names.items()
    ]
    two = len(labelled.classes) == 2
    summaries = [
        heterogeneity(
            AUROC if two else f"{AUROC} of {labelled.classes[index]}",
            {names[fold]: part for fold, part in parts.items()},
            index,
            evaluation.level,
        )
        for index in ((positive,) if two else range(len(labelled.classes)))
    ]
    return Centres(
        title=evaluation.title,
        column=column,
        classes=labelled.classes,
        positive_class=labelled.classes[positive],
        centres=tuple(centres),
        spreads=tuple(_spreads(centres)),
        heterogeneity=tuple(summaries),
        level=evaluation.level,
    )


def _group_of(groups: Mapping[str, MetricGroup], fold: int) -> MetricGroup:
    return next(
        group
        for name, group in groups.items()
        if name == f"fold {fold}" or name.startswith(f"fold {fold}: ")
    )


def _centre(fold: int, name: str, group: MetricGroup, part: LabelledPredictions) -> Centre:
    counts = np.bincount(part.truth, minlength=len(part.classes))
    return Centre(
        fold=fold,
        name=name,
        n_cases=group.n_cases,
        n_patients=group.n_patients,
        n_of_class=tuple(int(n) for n in counts),
        metrics=group.metrics,
        warning=group.warning,
    )


def _spreads(centres: Sequence[Centre]) -> list[Spread]:
    spreads = []
    for name in SPREAD_OF:
        values = sorted(
            (metric.value, centre.name)
            for centre in centres
            for metric in centre.metrics
            if metric.name == name and metric.value is not None and _is_comparable(name, centre)
        )
        if values:
            spreads.append(Spread(name, len(values), *values[0], *values[-1]))
    return spreads


def _is_comparable(name: str, centre: Centre) -> bool:
    """Whether a metric is comparable; not macro F1 without some class, whose F1 counts as 0."""
    return name != MACRO_F1 or all(centre.n_of_class)


def heterogeneity(
    metric: str, parts: Mapping[str, LabelledPredictions], index: int, level: float = 0.95
) -> Heterogeneity:
    """Random effects of the logit of the AUROC (Snell et al. 2018, doi:10.1177/0962280217705678).

    Half a pair is added to both sides of each centre, so that the logit is finite where all pairs
    are ranked right. The variance of a centre is that of Hanley and McNeil (1982) at the AUROC of
    an average centre and its numbers of patients: one that was estimated in the centre would be
    noisy, and would depend on its AUROC, which biases the mean.

    Args:
        metric: Name of the metric.
        parts: Predictions of each centre.
        index: Class that is compared with all others.
        level: Coverage of the intervals.
    """
    name = next(iter(parts.values())).classes[index]
    sizes = {centre: _sizes(part, index) for centre, part in parts.items()}
    taken = [centre for centre, counts in sizes.items() if min(counts) >= LEAST_OF_CLASS]
    left_out = tuple(
        f"{centre}: {n} patients of {name}, {m} others"
        for centre, (n, m) in sizes.items()
        if centre not in taken
    )
    if len(taken) < LEAST_CENTRES:
        nothing = (None,) * 6
        why = (
            f"{len(taken)} of {len(parts)} have at least {LEAST_OF_CLASS} patients of the class "
            f"and {LEAST_OF_CLASS} others, fewer than the {LEAST_CENTRES} that it needs"
        )
        return Heterogeneity(metric, tuple(taken), left_out, *nothing, _METHOD, why)
    areas = np.array([_area(parts[centre], index) for centre in taken])
    effects = random_effects(*logits_of(areas, [sizes[centre] for centre in taken]))
    low, high = special.expit(effects.interval(level))
    new_low, new_high = special.expit(effects.prediction(level))
    return Heterogeneity(
        metric=metric,
        centres=tuple(taken),
        left_out=left_out,
        mean=float(special.expit(effects.mean)),
        low=float(low),
        high=float(high),
        tau=effects.tau,
        prediction_low=float(new_low),
        prediction_high=float(new_high),
        method=_METHOD,
    )


def logits_of(areas: Floats, sizes: Sequence[tuple[int, int]]) -> tuple[Floats, Floats]:
    """Logits of the AUROC of each centre, and their variances.

    Args:
        areas: AUROCs, shape (centres,).
        sizes: Patients of the class, and others, of each centre.
    """
    pairs = np.array([n * m for n, m in sizes])
    values: Floats = special.logit((areas * pairs + 0.5) / (pairs + 1))
    mean = float(special.expit(values.mean()))
    variances = np.array([hanley_mcneil(mean, n, m) for n, m in sizes])
    return values, variances / (mean * (1 - mean)) ** 2


def _sizes(part: LabelledPredictions, index: int) -> tuple[int, int]:
    """Patients with a case of the class, and with one of another."""
    in_class = {part.patients[at] for at in np.flatnonzero(part.truth == index)}
    others = {part.patients[at] for at in np.flatnonzero(part.truth != index)}
    return len(in_class), len(others)


def _area(part: LabelledPredictions, index: int) -> float:
    scores, in_class = part.probabilities[:, index], part.truth == index
    return float(Ranking.of(scores, in_class).metrics(np.ones((len(part), 1)))[0][0])


def hanley_mcneil(value: float, n: int, m: int) -> float:
    """Variance of an AUROC of `n` cases of the class and `m` others (Hanley and McNeil 1982)."""
    q1, q2 = value / (2 - value), 2 * value**2 / (1 + value)
    rest = value * (1 - value) + (n - 1) * (q1 - value**2) + (m - 1) * (q2 - value**2)
    return rest / (n * m)


def write_centres(folder: Path, centres: Centres) -> None:
    """Write centres.json and centres.csv, one row a metric of a centre."""
    documents.write(folder / CENTRES_JSON, centres)
    rows = [
        {"fold": centre.fold, "held_out": centre.name, **metric_cells(metric)}
        for centre in centres.centres
        for metric in centre.metrics
    ]
    columns = ("fold", "held_out", "metric", "value", "low", "high", "n", "method", "warning")
    tables.write_rows(folder / CENTRES_CSV, rows, columns)


def remove_centres(folder: Path) -> None:
    """Remove what an earlier evaluation wrote, of folds that held out centres."""
    for name in (CENTRES_JSON, CENTRES_CSV):
        (folder / name).unlink(missing_ok=True)
