"""Folds of a dataset: the existing ones, or new ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.locks import using
from ricenet_v2.records.dataset import Case
from ricenet_v2.records.splits import Splits
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.training.fold_scheme import FoldScheme, RequestedFolds, make_folds
from ricenet_v2.training.splits import check_splits


@dataclass(frozen=True)
class FoldAssignment:
    """The folds of a dataset.

    Attributes:
        splits: The folds.
        cases: Cases of the dataset.
        warnings: Reasons for which metrics of single folds are hardly informative.
        outdated: Models with folds of the splits that these replace, by name, with the numbers of
            these folds.
    """

    splits: Splits
    cases: tuple[Case, ...]
    warnings: tuple[str, ...] = ()
    outdated: tuple[str, ...] = ()


def chosen_folds(
    cases: Sequence[Case], paths: DatasetPaths, requested: RequestedFolds, *, overwrite: bool
) -> FoldAssignment:
    """The folds that are there where they fit, else new ones.

    Folds that were made in some way stay so until another scheme is requested.

    Args:
        cases: Cases of the dataset.
        paths: Where the folds lie.
        requested: Request of the user for the folds.
        overwrite: Whether folds of other cases or another scheme may be replaced.

    Raises:
        DatasetError: There are other folds, and no `overwrite`; or the cases make no such folds, so
            that training would refuse them.
        OptionError: Options exclude each other.
    """
    old = documents.read(Splits, paths.splits) if paths.splits.is_file() else None
    there = None if old is None else FoldScheme.of(old)
    scheme = requested.scheme(there)
    if old is not None and not overwrite:
        if scheme != there:
            raise DatasetError(
                "The existing folds were made with other options.",
                file=paths.splits,
                expected=scheme.described,
                got=old.described,
                remedy="Leave --group, --num_folds, --repeats and --holdout out to keep them, or "
                "pass --overwrite to split again (models of the old folds no longer fit).",
            )
        check_splits(old, cases, paths.splits)
    if old is not None and scheme == there and _fit(old, cases, paths.splits):
        warnings = make_folds(cases, scheme).warnings if scheme.group else ()
        return FoldAssignment(old, tuple(cases), warnings=warnings)
    assigned = make_folds(cases, scheme)
    outdated = _outdated(paths) if old is not None else ()
    return FoldAssignment(
        assigned.splits, tuple(cases), warnings=assigned.warnings, outdated=outdated
    )


def _fit(splits: Splits, cases: Sequence[Case], file: Path) -> bool:
    try:
        check_splits(splits, cases, file)
    except DatasetError:
        return False
    return True


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
        folds: Folds that the dataset should have.
        paths: Paths of the dataset.
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
