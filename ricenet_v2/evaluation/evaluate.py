"""All figures of one set of predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.seeds import generator
from ricenet_v2.evaluation import intervals
from ricenet_v2.evaluation.battery import AUROC, ECE, Battery
from ricenet_v2.evaluation.calibration import slope_and_intercept
from ricenet_v2.evaluation.calibration_indices import calibration_indices
from ricenet_v2.evaluation.folds import with_interval
from ricenet_v2.evaluation.observed_expected import observed_expected
from ricenet_v2.evaluation.precision import sample_sizes
from ricenet_v2.evaluation.proportions import proportions
from ricenet_v2.evaluation.resampling import replicated
from ricenet_v2.evaluation.scored import Scored
from ricenet_v2.evaluation.subgroups import Group, groups_of
from ricenet_v2.records.figures import Evaluation, Figure, FigureSet, SetKind, Source, Threshold

N_BOOTSTRAP = 2000
FEW_PATIENTS, FEW_CASES_OF_CLASS, FEW_FOR_ECE = 40, 10, 100
SMALL_SET = "fewer than 10 cases: its figures say next to nothing"

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Options:
    """How figures are made.

    Attributes:
        positive: Index of the class that figures of two classes are about.
        n_bootstrap: Resamples.
        seed: Of the resampling.
        level: Coverage of the intervals.
        subgroups: Covariates whose groups are told apart; all where None.
        bands: Edges of the groups of a covariate that is a number; its median where not named.
    """

    positive: int
    n_bootstrap: int = N_BOOTSTRAP
    seed: int = 0
    level: float = 0.95
    subgroups: tuple[str, ...] | None = None
    bands: tuple[tuple[str, tuple[float, ...]], ...] = ()


def evaluate(
    scored: Scored,
    options: Options,
    title: str = "",
    source: Source = "out-of-fold",
    thresholds: Sequence[Threshold] = (),
) -> Evaluation:
    """Figures of all cases and of their parts, with intervals.

    Args:
        scored: Predictions with truths.
        options: How.
        title: What was evaluated.
        source: Out-of-fold predictions are of single networks, a test set's of the ensemble.
        thresholds: With their figures on these cases.

    Raises:
        DatasetError: No cases.
    """
    n = len(scored)
    if n == 0:
        raise DatasetError("There are no predictions to evaluate.", got="0 cases")
    folds = scored.members if len(scored.members) > 1 else {}
    members = [scored.member(fold) for fold in folds]
    whole, *of_members = figures_of_alike([scored, *members], options)
    whole = _with_folds(whole, scored, options)
    whole += calibration_indices(scored, options.positive, options.seed)
    groups = groups_of(scored, options.subgroups, dict(options.bands))
    sets = [
        *(_part(group, scored.part(group.cases), options) for group in groups),
        *(
            _set(f"member of fold {fold}", "member", member, figures)
            for fold, member, figures in zip(folds, members, of_members, strict=True)
        ),
    ]
    return Evaluation(
        title=title,
        classes=scored.classes,
        n_cases=n,
        n_patients=scored.grouping.count,
        confusion=_whole(scored.counts),
        figures=tuple(whole),
        level=options.level,
        n_bootstrap=options.n_bootstrap,
        seed=options.seed,
        missing=scored.missing,
        unlabelled=scored.unlabelled,
        positive_class=scored.classes[options.positive],
        source=source,
        groups=tuple(sets),
        thresholds=tuple(thresholds),
        sample_sizes=sample_sizes(scored, options.positive, source, options.level),
    )


def _with_folds(figures: Sequence[Figure], scored: Scored, options: Options) -> list[Figure]:
    """With the AUROC within folds behind the pooled one, which is warned of where they differ."""
    found = with_interval(
        scored, options.positive, options.n_bootstrap, options.seed, options.level
    )
    made: list[Figure] = []
    for figure in figures:
        if found is None or figure.name != AUROC:
            made.append(figure)
            continue
        test, of_folds = found
        told = "; ".join(filter(None, (figure.warning, test.warning)))
        made += [replace(figure, warning=told), *of_folds]
    return made


def figures_of(scored: Scored, options: Options) -> list[Figure]:
    """Every figure of one set of predictions."""
    return figures_of_alike([scored], options)[0]


def figures_of_alike(sets: Sequence[Scored], options: Options) -> list[list[Figure]]:
    """Every figure of several predictions of the same cases, see `resampled`."""
    return [
        [
            *figures,
            *slope_and_intercept(one, options.positive, options.level),
            *observed_expected(one, options.positive, options.level),
            *proportions(one, options.level),
        ]
        for one, figures in zip(sets, resampled(sets, options), strict=True)
    ]


def resampled(sets: Sequence[Scored], options: Options) -> list[list[Figure]]:
    """Figures whose intervals come from drawing patients, each sample once for all predictions.

    Args:
        sets: Predictions of the same cases, e.g. by an ensemble and its members.
        options: How.
    """
    batteries, patients = [Battery.of(one, options.positive) for one in sets], sets[0].grouping

    def values(weights: Floats) -> Floats:
        """Axes (samples, sets, figures)."""
        return np.stack([battery.values(weights) for battery in batteries], axis=1)

    value = values(np.ones((len(sets[0]), 1)))[0]
    random = generator(options.seed, "bootstrap")
    replicates = replicated(values, patients.samples(options.n_bootstrap, random))
    left_out = replicated(values, patients.left_out())
    few = _few(sets[0])
    return [
        [
            _resampled(name, value[k, i], replicates[:, k, i], left_out[:, k, i], one, options, few)
            for i, name in enumerate(batteries[k].names)
        ]
        for k, one in enumerate(sets)
    ]


def _resampled(
    name: str,
    value: float,
    replicates: Floats,
    left_out: Floats,
    scored: Scored,
    options: Options,
    few: str,
) -> Figure:
    found = intervals.bca(float(value), replicates, left_out, options.level)
    n_degenerate = int(np.sum(~np.isfinite(replicates)))
    method = f"BCa bootstrap by patient, {len(replicates)} samples, seed {options.seed}"
    if n_degenerate:
        method += f", {n_degenerate} degenerate left out"
    warnings = [few] if few else []
    if name == ECE and len(scored) < FEW_FOR_ECE:
        warnings.append(f"below {FEW_FOR_ECE} cases this error is mostly noise")
    if found is None and np.isfinite(value):
        warnings.append("no interval: the samples are all alike or mostly degenerate")
    low, high = found if found is not None else (None, None)
    if found is not None and not found[0] <= value <= found[1]:
        warnings.append("the value is biased and lies outside of its interval, which is corrected")
    known = float(value) if np.isfinite(value) else None
    return Figure(name, known, low, high, len(scored), method, "; ".join(warnings))


def _few(scored: Scored) -> str:
    """What is too little for a bootstrap; its intervals are then too narrow (figures.md)."""
    found = []
    count = scored.grouping.count
    if count < FEW_PATIENTS:
        found.append(f"{count} patients")
    own = scored.counts.sum(axis=1)
    for name, n in zip(scored.classes, own, strict=True):
        if n < FEW_CASES_OF_CLASS:
            found.append(f"{int(n)} case{'' if n == 1 else 's'} of {name}")
    return f"few for a bootstrap: {', '.join(found)}" if found else ""


def _part(group: Group, part: Scored, options: Options) -> FigureSet:
    return _set(group.name, group.kind, part, figures_of(part, options))


def _set(name: str, kind: SetKind, part: Scored, figures: Sequence[Figure]) -> FigureSet:
    return FigureSet(
        name=name,
        kind=kind,
        n_cases=len(part),
        n_patients=part.grouping.count,
        confusion=_whole(part.counts),
        figures=tuple(figures),
        warning=SMALL_SET if len(part) < 10 else "",
    )


def _whole(counts: Floats) -> tuple[tuple[int, ...], ...]:
    return tuple(tuple(int(value) for value in row) for row in counts)
