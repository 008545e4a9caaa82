"""Parts of the cases whose metrics stand beside those of all: folds and groups of a covariate."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.records.cells import known, with_points
from ricenet_v2.records.cells import numbers as numbers_of
from ricenet_v2.records.identity import is_identity
from ricenet_v2.records.metrics import Cut, SetKind, Source

logger = logging.getLogger(__name__)

MOST_GROUPS = 12
"""A covariate of more values than this is no grouping, unless they are numbers, which get bands."""
_FEW_VALUES = 5


@dataclass(frozen=True)
class Subgroup:
    """Some of the cases, by their index."""

    name: str
    kind: SetKind
    cases: NDArray[np.intp]


def groups_of(
    labelled: LabelledPredictions,
    names: Sequence[str] | None = None,
    bands: Mapping[str, Sequence[float]] | None = None,
    stored: Sequence[Cut] = (),
    source: Source = "out-of-fold",
) -> tuple[list[Subgroup], tuple[Cut, ...]]:
    """Folds, then the groups of each covariate, in the order of their values; and where it is cut.

    Numbers are cut at the edges in `bands`, else where the folds were cut, else at their median if
    they have more than 5 different values.

    Args:
        labelled: Predictions with covariates.
        names: Covariates; where None all but those that may identify a patient, which make
            groups only when they are named here or in `bands`.
        bands: Edges of the groups of covariates that are numbers.
        stored: Cuts of the out-of-fold cases, where other cases are evaluated: the groups of both
            are then the same.
        source: Predictions that are evaluated.

    Raises:
        DatasetError: A covariate is named that there is not.
    """
    edges = bands or {}
    chosen = _not_hidden(labelled, edges) if names is None else list(names)
    unknown = [name for name in (*chosen, *edges) if name not in labelled.covariates]
    if unknown:
        raise DatasetError(
            "There is no such covariate.",
            expected=", ".join(labelled.covariates) or "no covariates are known for these cases",
            got=", ".join(unknown),
            remedy="Covariates are the other columns of cases.csv or of the table of labels.",
        )
    groups = [
        Subgroup(f"fold {fold}", "fold", np.flatnonzero(np.array(labelled.folds) == fold))
        for fold in sorted(set(labelled.folds))
    ]
    carried = {cut.covariate: cut for cut in stored}
    cuts = []
    for name in chosen:
        values = _Values.of(labelled.covariates[name])
        cut = (
            Cut(name, tuple(sorted(edges[name])), "as named")
            if edges.get(name)
            else carried.get(name) or _at_median(name, values, source)
        )
        has_cut = cut is not None and values.numbers is not None
        groups += _of_covariate(name, values, cut.edges if cut is not None and has_cut else ())
        if cut is not None and has_cut:
            cuts.append(cut)
    return groups, tuple(cuts)


@dataclass(frozen=True)
class _Values:
    """Cells of a covariate, empty where not known, and the numbers that they are, if all are."""

    cells: list[str]
    numbers: NDArray[np.float64] | None

    @classmethod
    def of(cls, cells: Sequence[str]) -> _Values:
        cells = [known(cell) for cell in with_points(cells) or cells]
        parsed = numbers_of(cells)
        if parsed is None:
            return cls(cells, None)
        numbers = np.array(parsed)
        finite = [c if np.isfinite(v) else "" for c, v in zip(cells, numbers, strict=True)]
        return cls(finite, numbers if any(finite) else None)

    @property
    def different(self) -> list[str]:
        """The known ones, in order."""
        order = None if self.numbers is None else float
        return sorted({cell for cell in self.cells if cell}, key=order)


def _at_median(name: str, values: _Values, source: Source) -> Cut | None:
    """A cut of a number of many values."""
    if values.numbers is None or len(values.different) <= _FEW_VALUES:
        return None
    median = float(np.nanmedian(values.numbers))
    is_test = source == "test"
    return Cut(
        name, (median,), "median of these cases" if is_test else "median of the out-of-fold cases"
    )


def _not_hidden(labelled: LabelledPredictions, edges: Mapping[str, Sequence[float]]) -> list[str]:
    hidden = [
        name
        for name, cells in labelled.covariates.items()
        if name not in edges and is_identity(name, cells)
    ]
    if hidden:
        logger.info(
            "%s may identify a patient and defines no subgroups unless named with --subgroups.",
            ", ".join(hidden),
        )
    return [name for name in labelled.covariates if name not in hidden]


def _of_covariate(name: str, values: _Values, edges: Sequence[float]) -> list[Subgroup]:
    different = values.different
    if not different:
        return []
    cells = np.array(values.cells)
    if values.numbers is not None and edges:
        groups = _bands(name, values.numbers, edges)
    elif len(different) > MOST_GROUPS:
        logger.info("%s has %d different values and defines no subgroups.", name, len(different))
        return []
    else:
        groups = [
            Subgroup(f"{name} = {value}", "subgroup", np.flatnonzero(cells == value))
            for value in different
        ]
    empty = np.flatnonzero(cells == "")
    if len(empty):
        groups.append(Subgroup(f"{name} not known", "subgroup", empty))
    return [group for group in groups if len(group.cases)]


def _bands(name: str, numbers: NDArray[np.float64], edges: Sequence[float]) -> list[Subgroup]:
    limits = [-np.inf, *sorted(edges), np.inf]
    groups = []
    for low, high in pairwise(limits):
        inside = (numbers >= low) & (numbers < high)
        if low == -np.inf:
            label = f"{name} below {high:g}"
        elif high == np.inf:
            label = f"{name} {low:g} or more"
        else:
            label = f"{name} {low:g} to below {high:g}"
        groups.append(Subgroup(label, "subgroup", np.flatnonzero(inside)))
    return groups
