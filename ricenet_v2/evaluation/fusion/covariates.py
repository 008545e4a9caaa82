"""The covariates of a fusion: which columns of cases.csv, and what training cases have of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.spelling import Spellings
from ricenet_v2.core.types import Floats
from ricenet_v2.records.covariates import Covariate, covariate_of
from ricenet_v2.records.fusion import FusedCovariate
from ricenet_v2.records.identity import is_identity


def named_covariates(
    names: Sequence[str], cells: Mapping[str, Sequence[str]], file: Path
) -> tuple[Covariate, ...]:
    """Encodings of the named covariates as numbers.

    Args:
        names: Names of columns.
        cells: Cells of the training cases, by column.
        file: cases.csv, for the message.

    Raises:
        DatasetError: None is named, or some cannot be used; each with the reason.
    """
    wanted = list(dict.fromkeys(names))
    read = {name: _covariate(name, cells) for name in wanted}
    faults = [f"{name}: {each}" for name, each in read.items() if isinstance(each, str)]
    if faults or not wanted:
        raise DatasetError(
            "These covariates cannot be used.",
            file=file,
            expected="columns of cases.csv of which training cases differ: numbers, or words of "
            f"at most ten kinds; there are {', '.join(cells) or 'none'}",
            got="".join(f"\n    {fault}" for fault in faults) or "none named",
            remedy="Name others with --covariates, or correct the table.",
        )
    return tuple(each for each in read.values() if isinstance(each, Covariate))


def _covariate(name: str, cells: Mapping[str, Sequence[str]]) -> Covariate | str:
    if name not in cells:
        near = Spellings(cells).near(name)
        return f"there is no such column; {near[0]!r} {near[1]}" if near else "no such column"
    if is_identity(name, cells[name]):
        return "it may identify a patient by its name or cells; rename the column if it does not"
    return covariate_of(name, cells[name], cells[name])


def values_of(covariates: Sequence[Covariate], cells: Mapping[str, Sequence[str]]) -> Floats:
    """The covariates as numbers, axes (cases, columns), NaN where not known."""
    columns = [np.array([each.values(cell) for cell in cells[each.name]]) for each in covariates]
    values: Floats = np.hstack(columns)
    return values


def described(
    covariates: Sequence[Covariate], cells: Mapping[str, Sequence[str]]
) -> tuple[FusedCovariate, ...]:
    """The covariates with what the training cases have of them."""
    return tuple(_described(each, values_of([each], cells)) for each in covariates)


def _described(covariate: Covariate, values: Floats) -> FusedCovariate:
    known = values[~np.isnan(values[:, 0])]
    is_number = not covariate.categories
    return FusedCovariate(
        covariate=covariate,
        lowest=float(known.min()) if is_number else None,
        highest=float(known.max()) if is_number else None,
        unknown=len(values) - len(known),
    )
