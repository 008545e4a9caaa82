"""Figures of each centre that a fold held out, and how far the centres differ."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from scipy import special

from ricenet_v2.core import documents
from ricenet_v2.evaluation.battery import AUROC
from ricenet_v2.evaluation.delong import areas
from ricenet_v2.evaluation.random_effects import random_effects
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.records.centres import Centre, Centres, Heterogeneity, Spread
from ricenet_v2.records.figures import Evaluation, FigureSet
from ricenet_v2.records.run import Run
from ricenet_v2.store import tables
from ricenet_v2.store.paths import CENTRES_CSV, CENTRES_JSON, ModelPaths
from ricenet_v2.training.seeds import runs_of

LEAST_CENTRES, LEAST_OF_CLASS = 3, 5
SPREAD_OF = ("accuracy", "macro F1", "balanced accuracy", AUROC, "Brier score")


def held_out_of(model: ModelPaths) -> tuple[str, dict[int, str]]:
    """Column of cases.csv of which the folds of a model hold out one value each, and these values.

    Both are empty where the folds were stratified by class.
    """
    runs: dict[int, Run] = runs_of(model)
    columns = {run.group for run in runs.values()}
    if len(columns) != 1 or columns == {""}:
        return "", {}
    return columns.pop(), {fold: run.held_out for fold, run in runs.items()}


def named(made: Evaluation, column: str, names: Mapping[int, str]) -> Evaluation:
    """The evaluation with the centres in the names of the folds: `fold 0: centre Bern`."""
    told = {f"fold {fold}": f"fold {fold}: {column} {name}" for fold, name in names.items()}
    groups = tuple(
        dataclasses.replace(group, name=told.get(group.name, group.name))
        if group.kind == "fold"
        else group
        for group in made.groups
    )
    return dataclasses.replace(made, groups=groups)


def centres_of(
    scored: Scored, made: Evaluation, positive: int, column: str, names: Mapping[int, str]
) -> Centres:
    """Figures of each centre, their range, and a random-effects summary of the AUROC.

    Args:
        scored: Out-of-fold predictions.
        made: Their evaluation, whose groups hold the figures of the folds.
        positive: Class that the AUROC of two classes is about.
        column: Of cases.csv.
        names: What each fold held out.
    """
    groups = {group.name: group for group in made.groups if group.kind == "fold"}
    folds = np.array(scored.folds)
    parts = {fold: scored.part(np.flatnonzero(folds == fold)) for fold in names}
    centres = [
        _centre(fold, name, _group_of(groups, fold), parts[fold]) for fold, name in names.items()
    ]
    two = len(scored.classes) == 2
    summaries = [
        _heterogeneity(
            AUROC if two else f"{AUROC} of {scored.classes[index]}",
            {names[fold]: part for fold, part in parts.items()},
            index,
            made.level,
        )
        for index in ((positive,) if two else range(len(scored.classes)))
    ]
    return Centres(
        title=made.title,
        column=column,
        classes=scored.classes,
        positive_class=scored.classes[positive],
        centres=tuple(centres),
        spreads=tuple(_spreads(centres)),
        heterogeneity=tuple(summaries),
        level=made.level,
    )


def _group_of(groups: Mapping[str, FigureSet], fold: int) -> FigureSet:
    return next(
        group
        for name, group in groups.items()
        if name == f"fold {fold}" or name.startswith(f"fold {fold}: ")
    )


def _centre(fold: int, name: str, group: FigureSet, part: Scored) -> Centre:
    counts = np.bincount(part.truth, minlength=len(part.classes))
    return Centre(
        fold=fold,
        name=name,
        n_cases=group.n_cases,
        n_patients=group.n_patients,
        n_of_class=tuple(int(n) for n in counts),
        figures=group.figures,
        warning=group.warning,
    )


def _spreads(centres: Sequence[Centre]) -> list[Spread]:
    found = []
    for name in SPREAD_OF:
        values = sorted(
            (figure.value, centre.name)
            for centre in centres
            for figure in centre.figures
            if figure.name == name and figure.value is not None
        )
        if values:
            found.append(Spread(name, len(values), *values[0], *values[-1]))
    return found


def _heterogeneity(
    figure: str, parts: Mapping[str, Scored], index: int, level: float
) -> Heterogeneity:
    """Random effects of the logit of the AUROC (Snell et al. 2018, doi:10.1177/0962280217705678).

    The variance of a logit is that of DeLong over (A (1 - A))^2. Where a centre ranks all pairs
    right, or all wrong, the logit is not finite: half a pair is then added to both sides, and the
    variance is that of Hanley and McNeil (1982) at the value so moved.
    """
    method = (
        f"random effects of the logit over {LEAST_CENTRES} or more centres with at least "
        f"{LEAST_OF_CLASS} patients of the class and {LEAST_OF_CLASS} others; Paule and Mandel, "
        "Student's t; prediction interval with tau drawn from its Q-profile"
    )
    taken: dict[str, tuple[float, float]] = {}
    left_out, corrected = [], []
    for name, part in parts.items():
        own = part.truth == index
        sizes = [_n_patients(part, side) for side in (own, ~own)]
        if min(sizes) < LEAST_OF_CLASS:
            left_out.append(
                f"{name}: {sizes[0]} patients of {part.classes[index]}, {sizes[1]} others"
            )
            continue
        value, variance, is_corrected = _area(part, index)
        spread = value * (1 - value)
        taken[name] = float(special.logit(value)), variance / spread**2
        corrected += [name] if is_corrected else []
    if corrected:
        method += f"; half a pair added in {', '.join(corrected)}, variance of Hanley and McNeil"
    if len(taken) < LEAST_CENTRES:
        nothing = (None,) * 6
        why = (
            f"{len(taken)} of {len(parts)} have at least {LEAST_OF_CLASS} patients of the class "
            f"and {LEAST_OF_CLASS} others, fewer than the {LEAST_CENTRES} that it needs"
        )
        return Heterogeneity(figure, tuple(taken), tuple(left_out), *nothing, method, why)
    values, variances = np.array(list(taken.values())).T
    found = random_effects(values, variances)
    low, high = special.expit(found.interval(level))
    new_low, new_high = special.expit(found.prediction(level))
    return Heterogeneity(
        figure=figure,
        centres=tuple(taken),
        left_out=tuple(left_out),
        mean=float(special.expit(found.mean)),
        low=float(low),
        high=float(high),
        tau=found.tau,
        prediction_low=float(new_low),
        prediction_high=float(new_high),
        method=method,
    )


def _n_patients(part: Scored, side: np.ndarray[tuple[int], np.dtype[np.bool_]]) -> int:
    return len({part.patients[at] for at in np.flatnonzero(side)})


def _area(part: Scored, index: int) -> tuple[float, float, bool]:
    """AUROC in a centre, its variance, and whether it was moved from the boundary."""
    own = part.truth == index
    found = areas(part.probabilities[None, :, index], own, part.grouping)
    if found is None:
        raise ValueError("a centre with patients of one side only has no AUROC")
    value, variance = float(found.values[0]), float(found.covariance[0, 0])
    if 1e-9 < value < 1 - 1e-9 and variance > 1e-12:
        return value, variance, False
    n, m = (_n_patients(part, side) for side in (own, ~own))
    value = (value * n * m + 0.5) / (n * m + 1)
    return value, hanley_mcneil(value, n, m), True


def hanley_mcneil(value: float, n: int, m: int) -> float:
    """Variance of an AUROC of `n` cases of the class and `m` others (Hanley and McNeil 1982)."""
    one, two = value / (2 - value), 2 * value**2 / (1 + value)
    rest = value * (1 - value) + (n - 1) * (one - value**2) + (m - 1) * (two - value**2)
    return rest / (n * m)


def write_centres(folder: Path, made: Centres) -> None:
    """Write centres.json and centres.csv, one row a figure of a centre."""
    documents.write(folder / CENTRES_JSON, made)
    rows = [
        {
            "fold": centre.fold,
            "held_out": centre.name,
            "figure": figure.name,
            "value": figure.value,
            "low": figure.low,
            "high": figure.high,
            "n": figure.n,
            "method": figure.method,
            "warning": figure.warning,
        }
        for centre in made.centres
        for figure in centre.figures
    ]
    columns = ("fold", "held_out", "figure", "value", "low", "high", "n", "method", "warning")
    tables.write_rows(folder / CENTRES_CSV, rows, columns)


def remove_centres(folder: Path) -> None:
    """Remove what an earlier evaluation wrote, of folds that held out centres."""
    for name in (CENTRES_JSON, CENTRES_CSV):
        (folder / name).unlink(missing_ok=True)
