"""Paired tests of runs on the same cases."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from ricenet_v2.api import access
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.core.command import invocation
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.options import check_resampling
from ricenet_v2.evaluation.aligned_runs import models_of, on_same_cases, read_run
from ricenet_v2.evaluation.comparisons import compare as compute
from ricenet_v2.evaluation.evaluation_input import positive_index, short_names
from ricenet_v2.evaluation.seed_spreads import spreads_of, with_spreads
from ricenet_v2.evaluation.selection import with_selection
from ricenet_v2.evaluation.write import write_comparison
from ricenet_v2.records.comparison import Comparison
from ricenet_v2.store.positive import positive_of_any

__all__ = ["compare"]


@public
def compare(
    runs: Sequence[PathInput],
    *,
    dataset: DatasetInput | None = None,
    truth: PathInput | None = None,
    positive_class: str | None = None,
    output: PathInput | None = None,
    n_bootstrap: int = 2000,
    seed: int = 0,
    workspace: PathInput | None = None,
    observer: Callable[[Comparison], None] | None = None,
) -> Comparison:
    """Compare runs on the cases that all of them predicted.

    Args:
        runs: Two or more: tables of predictions, folders of predictions, model folders, or with a
            dataset the names of model folders such as `auto__all`.
        dataset: Id, name or path of the raw dataset folder that the runs belong to.
        truth: Table with labels, for predictions without labels.
        positive_class: Positive class of two; that of dataset.json where None and the first run was
            trained, else the last.
        output: Folder for comparison.json; nothing is written where None.
        n_bootstrap: Bootstrap samples of an interval, or permutations of a test.
        seed: Random seed of the resampling.
        workspace: Folder that holds raw/, preprocessed/ and results/.
        observer: Is called with the result before it is written.

    Returns:
        The difference of each metric between each pair of runs, with its interval and p values.

    Raises:
        DatasetError: Fewer than two different runs, or runs without common cases.

    Example:
        >>> comparison = rn.compare(["auto__all", "auto__dose"], dataset="1", workspace=space)
        >>> comparison.pairs[0].a, comparison.pairs[0].b
        ('auto__all', 'auto__dose')
    """
    check_resampling(n_bootstrap, seed)
    names = [str(run) for run in runs]
    if len(set(names)) < 2:
        raise DatasetError(
            "There is nothing to compare.",
            expected="two or more different runs",
            got=", ".join(names),
            remedy="Name two different runs, e.g. ricenet_compare -d DATASET auto__all "
            "baseline__dose+covariates; the folders in results/DATASET are the names.",
        )
    paths = None if dataset is None else paths_of(dataset, workspace)
    folder = as_path(output)
    with access.comparing(names, paths, folder):
        by_name = short_names(names)
        aligned = on_same_cases(
            {name: read_run(run, paths, as_path(truth)) for name, run in by_name.items()}
        )
        models = models_of(names, paths)
        positive = positive_class or positive_of_any(models, paths.raw if paths else None)
        index = positive_index(next(iter(aligned.runs.values())), positive)
        comparison = compute(aligned, index, n_bootstrap, seed)
        comparison = with_spreads(comparison, spreads_of(by_name, paths))
        comparison = with_selection(comparison, models)
        comparison = dataclasses.replace(comparison, command=invocation())
        if observer is not None:
            observer(comparison)
        if folder is not None:
            write_comparison(folder, comparison)
        return comparison
