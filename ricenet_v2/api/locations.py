"""Locations of models and predictions."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.api.public import public
from ricenet_v2.store.paths import PREDICTIONS_CSV, DatasetPaths
from ricenet_v2.store.workspace import dataset_paths

__all__ = ["model_folder"]

PathInput = str | Path
DatasetInput = str | int | Path
"""Id, name or path of a raw dataset folder."""


@public
def model_folder(
    dataset: DatasetInput,
    *,
    plan: str = "auto",
    channels: str = "all",
    workspace: PathInput | None = None,
    full: bool = False,
) -> Path:
    """The folder of the model that was trained for a dataset.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        plan: Name of the plan.
        channels: Label of the model's channels, e.g. `all` or `T1c_event+dose`.
        workspace: Folder that holds raw/, preprocessed/ and results/; where None, the environment
            variables of the commands name it.
        full: Whether to return the folder of the network of all training cases instead of that of
            the folds.

    Returns:
        results/DATASET/PLAN__CHANNELS, or PLAN__CHANNELS__full, which need not exist.

    Raises:
        DatasetError: There is no such dataset, or no workspace is configured.

    Example:
        >>> rn.model_folder("1", workspace=space).name
        'auto__all'
    """
    return paths_of(dataset, workspace).run(plan, channels, full=full).folder


def paths_of(dataset: DatasetInput, workspace: PathInput | None) -> DatasetPaths:
    """Folders of a dataset; see `model_folder`."""
    return dataset_paths(str(dataset), as_path(workspace))


def as_path(path: PathInput | None) -> Path | None:
    """A path that may have come as text, or not at all; see `absolute`."""
    return None if path is None else absolute(path)


def absolute(path: PathInput) -> Path:
    """The path as the process stands now: it stays the same if its folder is changed later."""
    return Path(path).absolute()


def table_of(predictions: PathInput) -> Path:
    """The table of predictions: that of a folder that was predicted into, or the file itself."""
    path = absolute(predictions)
    return path / PREDICTIONS_CSV if path.is_dir() else path


def folder_of(predictions: PathInput) -> Path:
    """The folder that was predicted into: the one named, or that of its table."""
    path = absolute(predictions)
    return path.parent if path.is_file() else path
