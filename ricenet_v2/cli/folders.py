"""Which folders each command reads or writes for long, and so holds: see `core.locks`.

The table for users is in documentation/commands.md. Folds are held by what trains them
(`training.fold`); documents that are read at once and written as a whole need no lock.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ParamSpec

if TYPE_CHECKING:
    from ricenet_v2.store.paths import ModelPaths

Given = ParamSpec("Given")


@dataclass(frozen=True)
class FolderAccess:
    """What a command holds: nobody writes what it reads, nobody else uses what it writes."""

    reads: tuple[Path, ...] = ()
    writes: tuple[Path, ...] = ()


def holding(
    folders: Callable[..., FolderAccess],
) -> Callable[[Callable[Given, int]], Callable[Given, int]]:
    """Make a command hold its folders while it runs.

    Args:
        folders: Gets the command's arguments by name, those left out with their defaults.
    """

    def around(command: Callable[Given, int]) -> Callable[Given, int]:
        signature = inspect.signature(command)

        @functools.wraps(command)
        def held(*args: Given.args, **kwargs: Given.kwargs) -> int:
            from ricenet_v2.core.locks import using

            bound = signature.bind(*args, **kwargs)
            bound.apply_defaults()
            use = folders(**bound.arguments)
            with using(reads=use.reads, writes=use.writes):
                return command(*args, **kwargs)

        return held

    return around


def _model(dataset: str, plan: str, channels: str, workspace: Path | None) -> ModelPaths:
    from ricenet_v2.store.paths import dataset_paths

    return dataset_paths(dataset, workspace).run(plan, channels)


def _beside(tables: Iterable[Path]) -> tuple[Path, ...]:
    """The folders that ricenet_predict wrote, among tables or folders of tables."""
    from ricenet_v2.cli.common import folder_of
    from ricenet_v2.store.paths import PREDICTIONS_JSON

    folders = (folder_of(table) for table in tables)
    return tuple(folder for folder in folders if (folder / PREDICTIONS_JSON).is_file())


def _into(output: Path | None, inside: Path, model: ModelPaths) -> tuple[Path, ...]:
    """The folder that is named, else one inside of the model, where there is a model."""
    if output is not None:
        return (output,)
    return (inside,) if model.folder.is_dir() else ()


def planning(
    dataset: str, workspace: Path | None, preset: str, *, verify_only: bool, **_: object
) -> FolderAccess:
    """Folders of ricenet_plan_and_preprocess."""
    from ricenet_v2.store.paths import dataset_paths

    paths = dataset_paths(dataset, workspace)
    if verify_only:
        return FolderAccess()
    return FolderAccess(writes=(paths.preprocessed, paths.cases(preset)))


def reading_cases(dataset: str, plan: str, workspace: Path | None, **_: object) -> FolderAccess:
    """Folders of ricenet_benchmark."""
    from ricenet_v2.store.paths import dataset_paths

    return FolderAccess(reads=(dataset_paths(dataset, workspace).cases(plan),))


def new_cases(
    output: Path,
    dataset: str | None,
    model: Path | None,
    plan: str,
    channels: str,
    folds: Sequence[int] | None,
    checkpoint: str,
    workspace: Path | None,
    random_label_model: Path | None = None,
    **_: object,
) -> FolderAccess:
    """Folders of ricenet_predict and ricenet_explain.

    The checkpoints `best` and `latest` may be read while their fold is trained.
    """
    from ricenet_v2.cli.common import model_folder
    from ricenet_v2.store.paths import ModelPaths

    reads: list[Path] = []
    control = [] if random_label_model is None else [ModelPaths(random_label_model)]
    named = ModelPaths(model_folder(model, dataset, plan, channels, workspace))
    for each, chosen in (
        (named, folds),
        *((model_of_control, None) for model_of_control in control),
    ):
        reads.append(each.folder)
        there = each.folds() if chosen is None else chosen
        if checkpoint == "final":
            reads += [each.fold(n).folder for n in there if each.fold(n).final.is_file()]
    return FolderAccess(tuple(reads), (output,))


def evaluating(
    dataset: str | None,
    plan: str,
    channels: str,
    predictions: Path | None,
    output: Path | None,
    workspace: Path | None,
    **_: object,
) -> FolderAccess:
    """Folders of ricenet_evaluate. `run.json` of each fold says whether it may be pooled."""
    reads = () if predictions is None else _beside([predictions])
    outputs = () if output is None else (output,)
    if dataset is None:
        return FolderAccess(reads, outputs)
    model = _model(dataset, plan, channels, workspace)
    writes = outputs if predictions is not None else _into(output, model.crossval, model)
    return FolderAccess((*reads, model.folder), writes)


def calibrating(
    dataset: str, plan: str, channels: str, predictions: Path | None, workspace: Path | None,
    **_: object,
) -> FolderAccess:  # fmt: skip
    """Folders of ricenet_calibrate."""
    model = _model(dataset, plan, channels, workspace)
    reads = () if predictions is None else _beside([predictions])
    return FolderAccess(reads, (model.folder,) if model.folder.is_dir() else ())


def comparing(
    runs: Sequence[str], dataset: str | None, output: Path | None, workspace: Path | None,
    **_: object,
) -> FolderAccess:  # fmt: skip
    """Folders of ricenet_compare."""
    from ricenet_v2.store.paths import dataset_paths

    reads = _beside(Path(run) for run in runs)
    if dataset is not None:
        results = dataset_paths(dataset, workspace).results
        reads += tuple(results / run for run in runs if (results / run).is_dir())
    return FolderAccess(reads, () if output is None else (output,))


def reporting(
    dataset: str,
    plan: str,
    channels: str,
    predictions: Sequence[Path],
    output: Path | None,
    workspace: Path | None,
    **_: object,
) -> FolderAccess:
    """Folders of ricenet_report."""
    model = _model(dataset, plan, channels, workspace)
    reads = (model.folder, *_beside(predictions))
    return FolderAccess(reads, _into(output, model.report, model))


def ablating(
    dataset: str, plan: str, output: Path | None, workspace: Path | None, **_: object
) -> FolderAccess:
    """Folders of ricenet_ablate; only one at a time works on a plan."""
    from ricenet_v2.store.paths import dataset_paths

    paths = dataset_paths(dataset, workspace)
    outputs = () if output is None else (output,)
    return FolderAccess((paths.cases(plan),), (paths.run(plan).test, *outputs))


def only_output(output: Path, **_: object) -> FolderAccess:
    """Folders of commands that read what no command writes."""
    return FolderAccess(writes=(output,))
