"""Which folds a dataset has: those that are there, or new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError, RicenetError
from ricenet_v2.core.locks import using
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import NO_GROUP, Splits, leave_one_out
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.training.groups import make_group_splits
from ricenet_v2.training.splits import check_splits, make_splits


@dataclass(frozen=True)
class FoldAssignment:
    """The folds of a dataset.

    Attributes:
        splits: None where the dataset is too small for any.
        cases: Of the dataset.
        doubt: Why it is too small.
        warnings: What makes metrics of single folds say little.
        outdated: Models with folds of the splits that these replace, by name, with the numbers of
            these folds.
    """

    splits: Splits | None
    cases: tuple[Case, ...]
    doubt: str = ""
    warnings: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


def chosen_folds(
    cases: Sequence[Case], paths: DatasetPaths, group: str | None, *, overwrite: bool
) -> FoldAssignment:
    """The folds that are there where they fit, else new ones.

    Folds that hold out the values of a column stay such folds until another column is named.

    Args:
        cases: Of the dataset.
        paths: Where the folds lie.
        group: Column of cases.csv whose values are held out; `none` stratifies by class; None is
            as before, at first stratified.
        overwrite: Whether folds of other cases or another scheme may be replaced.

    Raises:
        DatasetError: There are other folds, and no `overwrite`; or the column makes no folds.
    """
    old = documents.read(Splits, paths.splits) if paths.splits.is_file() else None
    column = _column(group, old)
    grouped = make_group_splits(cases, column) if column else None
    if old is not None:
        try:
            if column != old.group:
                raise DatasetError(
                    "There are folds that were made in another way.",
                    file=paths.splits,
                    expected=leave_one_out(column) if column else "stratified by class",
                    got=old.described,
                    remedy="Leave --group out to keep them, or pass --overwrite to split anew "
                    "(models of the old folds no longer fit).",
                )
            check_splits(old, cases, paths.splits)
        except RicenetError:
            if not overwrite:
                raise
        else:
            warnings = () if grouped is None else grouped.warnings
            return FoldAssignment(old, tuple(cases), warnings=warnings)
    outdated = _outdated(paths) if old is not None else ()
    if grouped is not None:
        return FoldAssignment(
            grouped.splits, tuple(cases), warnings=grouped.warnings, outdated=outdated
        )
    try:
        return FoldAssignment(make_splits(cases), tuple(cases), outdated=outdated)
    except RicenetError as error:
        return FoldAssignment(None, tuple(cases), doubt=str(error), outdated=outdated)


def _column(group: str | None, old: Splits | None) -> str:
    if group is None:
        return "" if old is None else old.group
    return "" if group == NO_GROUP else group


def _outdated(paths: DatasetPaths) -> tuple[str, ...]:
    """Models of the dataset that have trained folds."""
    entries = sorted(paths.results.iterdir()) if paths.results.is_dir() else []
    outdated = []
    for model in (ModelPaths(folder) for folder in entries):
        begun = [fold for fold in model.folds() if model.fold(fold).run.is_file()]
        if begun:
            outdated.append(f"{model.folder.name} (fold {', '.join(map(str, begun))})")
    return tuple(outdated)


@contextmanager
def replacing(folds: FoldAssignment, paths: DatasetPaths, preset: str) -> Iterator[None]:
    """Hold all plans of the dataset while its folds become others: trainings rest on them.

    Args:
        folds: That the dataset is to have.
        paths: Of the dataset.
        preset: Name of the plan whose folder is held already.

    Raises:
        InUseError: Another plan is trained, or preprocessed.
    """
    others: list[Path] = []
    if paths.splits.is_file() and documents.read(Splits, paths.splits) != folds.splits:
        entries = (entry for entry in paths.preprocessed.iterdir() if entry.is_dir())
        others = [folder for folder in entries if folder != paths.cases(preset)]
    with using(writes=others):
        yield
