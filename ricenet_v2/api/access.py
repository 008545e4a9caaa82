"""Folders that each function reads or writes for long, and so holds: see `core.locks`.

The table for users is in documentation/commands.md. Folds are held by what trains them
(`training.fold`); documents that are read at once and written as a whole need no lock.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from ricenet_v2.api.locations import folder_of
from ricenet_v2.core.locks import using
from ricenet_v2.store.paths import PREDICTIONS_JSON, DatasetPaths, ModelPaths


def planning(paths: DatasetPaths, preset: str) -> AbstractContextManager[None]:
    """Folders that planning and preprocessing of a dataset hold."""
    return using(writes=(paths.preprocessed, paths.cases(preset)))


def cases(paths: DatasetPaths, plan: str) -> AbstractContextManager[None]:
    """Folders that a function which reads preprocessed cases holds."""
    return using(reads=(paths.cases(plan),))


def new_cases(
    output: Path,
    model: ModelPaths,
    folds: Sequence[int] | None,
    checkpoint: str,
    control: ModelPaths | None = None,
) -> AbstractContextManager[None]:
    """Folders that predicting or explaining a folder of patients holds.

    The checkpoints `best` and `latest` may be read while their fold is trained.

    Args:
        output: Where results go.
        model: Model that predicts.
        folds: Folds of the model; all where None.
        checkpoint: Checkpoint of each fold.
        control: Another model, all folds of which are used.
    """
    reads: list[Path] = []
    for each, chosen in ((model, folds), (control, None)):
        if each is None:
            continue
        reads.append(each.folder)
        folds = each.folds() if chosen is None else chosen
        if checkpoint == "final":
            reads += [each.fold(n).folder for n in folds if each.fold(n).final.is_file()]
    return using(reads=reads, writes=(output,))


def evaluating(
    model: ModelPaths | None, predictions: Path | None, output: Path | None
) -> AbstractContextManager[None]:
    """Folders that an evaluation holds. `run.json` of each fold says whether it may be pooled."""
    reads = () if predictions is None else _beside([predictions])
    outputs = () if output is None else (output,)
    if model is None:
        return using(reads=reads, writes=outputs)
    writes = outputs if predictions is not None else _into(output, model.crossval, model)
    return using(reads=(*reads, model.folder), writes=writes)


def calibrating(model: ModelPaths, predictions: Path | None) -> AbstractContextManager[None]:
    """Folders that a calibration holds, which writes into the folder of the model."""
    reads = () if predictions is None else _beside([predictions])
    return using(reads=reads, writes=(model.folder,) if model.folder.is_dir() else ())


def comparing(
    runs: Sequence[str], paths: DatasetPaths | None, output: Path | None
) -> AbstractContextManager[None]:
    """Folders that a comparison of runs holds, some of them models of a dataset."""
    reads = _beside(Path(run) for run in runs)
    if paths is not None:
        models = (paths.results / run for run in runs)
        reads += tuple(folder for folder in models if folder.is_dir())
    return using(reads=reads, writes=() if output is None else (output,))


def reporting(
    model: ModelPaths, predictions: Sequence[Path], output: Path | None
) -> AbstractContextManager[None]:
    """Folders that writing the report of a model holds."""
    reads = (model.folder, *_beside(predictions))
    return using(reads=reads, writes=_into(output, model.report, model))


def ablating(paths: DatasetPaths, plan: str, output: Path | None) -> AbstractContextManager[None]:
    """Folders that an ablation holds; only one at a time works on a plan."""
    outputs = () if output is None else (output,)
    return using(reads=(paths.cases(plan),), writes=(paths.run(plan).test, *outputs))


def _beside(tables: Iterable[Path]) -> tuple[Path, ...]:
    """The folders that were predicted into, among tables or folders of tables."""
    folders = (folder_of(table) for table in tables)
    return tuple(folder for folder in folders if (folder / PREDICTIONS_JSON).is_file())


def _into(output: Path | None, inside: Path, model: ModelPaths) -> tuple[Path, ...]:
    """The folder that is named, else one inside of the model, where there is a model."""
    if output is not None:
        return (output,)
    return (inside,) if model.folder.is_dir() else ()
