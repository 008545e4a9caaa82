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
from ricenet_v2.records.metrics import SetKind

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
) -> list[Subgroup]:
    """Folds, then the groups of each covariate, in the order of their values.

    Numbers of more than 5 different values are cut at their median, or at the edges in `bands`.

    Args:
        labelled: Predictions with covariates.
        names: Covariates; where None all but those that may identify a patient, which make
            groups only when they are named here or in `bands`.
        bands: Edges of the groups of covariates that are numbers.

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
    for name in chosen:
        groups += _of_covariate(name, labelled.covariates[name], edges.get(name))
    return groups


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


def _of_covariate(name: str, cells: Sequence[str], edges: Sequence[float] | None) -> list[Subgroup]:
    cells = [known(cell) for cell in with_points(cells) or cells]
    values = sorted({cell for cell in cells if cell})
    parsed = numbers_of(cells)
    numbers = None if parsed is None else np.array(parsed)
    if numbers is not None:
        cells = [c if np.isfinite(v) else "" for c, v in zip(cells, numbers, strict=True)]
        values = sorted({cell for cell in cells if cell}, key=float)
    if not values:
        return []
    if numbers is not None and (edges or len(values) > _FEW_VALUES):
        groups = _bands(name, numbers, edges or (float(np.nanmedian(numbers)),))
    elif len(values) > MOST_GROUPS:
        logger.info("%s has %d different values and defines no subgroups.", name, len(values))
        return []
    else:
        texts = np.array(cells)
        groups = [
            Subgroup(f"{name} = {value}", "subgroup", np.flatnonzero(texts == value))
            for value in values
        ]
    empty = np.flatnonzero(np.array(cells) == "")
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
