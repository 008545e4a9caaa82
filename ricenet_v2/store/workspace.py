"""The workspace that holds all datasets, and the only reader of the environment that names it."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.store.paths import DATASET_JSON, DatasetPaths

_VARIABLES = ("ricenet_raw", "ricenet_preprocessed", "ricenet_results")
_FOLDER_NAME = re.compile(r"Dataset([0-9]+)_(.+)")


@dataclass(frozen=True)
class Roots:
    """The three folders that hold all datasets."""

    raw: Path
    preprocessed: Path
    results: Path


def roots(workspace: Path | None = None) -> Roots:
    """The three roots: from `workspace`, else from the environment; absolute.

    They stay the same folders when the process changes its own.

    Raises:
        DatasetError: Nothing is set; the text has the lines to paste.
    """
    workspace_text = os.environ.get("ricenet_workspace")
    values = [os.environ.get(name) for name in _VARIABLES]
    if workspace is None and all(values):
        raw, preprocessed, results = (Path(str(value)).absolute() for value in values)
        return Roots(raw, preprocessed, results)
    if workspace is None and workspace_text:
        workspace = Path(workspace_text)
    if workspace is not None:
        workspace = workspace.absolute()
        return Roots(workspace / "raw", workspace / "preprocessed", workspace / "results")
    raise DatasetError(
        "No workspace is configured.",
        expected="--workspace DIR, or these variables",
        got=", ".join(f"{name}={value}" for name, value in zip(_VARIABLES, values, strict=True)),
        remedy="Paste one of these and change the folder:\n"
        "    export ricenet_workspace=$HOME/ricenet\n"
        + "\n".join(
            f"    export {name}=$HOME/ricenet/{name.removeprefix('ricenet_')}"
            for name in _VARIABLES
        ),
    )


def dataset_paths(dataset: str, workspace: Path | None = None) -> DatasetPaths:
    """Find a dataset by its id (`1`), its name (`RICE`, `Dataset001_RICE`) or its raw folder.

    A raw folder inside a folder called `raw` brings its own workspace along; a link keeps its name.

    Raises:
        DatasetError: No such dataset, or several of that id; the text lists what there is.
    """
    folder = Path(dataset)
    if os.path.isfile(folder / DATASET_JSON):  # noqa: PTH113 - a name may be too long
        # What follows a link and leads upwards again is known to the system alone.
        folder = folder.resolve() if ".." in folder.parts else folder.absolute()
        if workspace is None and folder.parent.name == "raw" and not _roots_are_set():
            workspace = folder.parent.parent
        space = roots(workspace)
        return DatasetPaths(
            folder.name, folder, space.preprocessed / folder.name, space.results / folder.name
        )
    try:
        space = roots(workspace)
        name = _find_name(dataset, space)
    except DatasetError as error:
        raise _misplaced(folder) or error from error
    return DatasetPaths(name, space.raw / name, space.preprocessed / name, space.results / name)


def _misplaced(folder: Path) -> DatasetError | None:
    """Fault of the path of a folder without dataset.json; None if it may be a name."""
    below = nested_dataset(folder)
    if below is None and (len(folder.parts) == 1 or not os.path.isdir(folder)):  # noqa: PTH112
        return None
    return DatasetError(
        "This folder holds no dataset.json.",
        file=folder,
        got=f"{below.name}, a folder in it, holds one" if below else None,
        remedy=f"Name {below}" if below else "See documentation/dataset_format.md",
    )


def nested_dataset(folder: Path) -> Path | None:
    """The folder in this one that holds a dataset.json, as unpacked archives often do."""
    names = os.listdir(folder) if os.path.isdir(folder) else ()  # noqa: PTH112, PTH208
    datasets = [folder / name for name in names if (folder / name / DATASET_JSON).is_file()]
    return datasets[0] if len(datasets) == 1 else None


def _roots_are_set() -> bool:
    return "ricenet_workspace" in os.environ or all(name in os.environ for name in _VARIABLES)


def dataset_names(workspace: Path | None = None) -> tuple[str, ...]:
    """Names of the folders of datasets, as `Dataset001_RICE`, in order.

    Raises:
        DatasetError: No workspace is named.
    """
    names = _names(roots(workspace))
    return tuple(name for name in names if _FOLDER_NAME.fullmatch(name))


def _names(space: Roots) -> list[str]:
    entries = {
        entry.name
        for root in (space.raw, space.preprocessed, space.results)
        if root.is_dir()
        for entry in root.iterdir()
        if entry.is_dir()
    }
    return sorted(entries)


def _find_name(dataset: str, space: Roots) -> str:
    names = _names(space)
    hits = [name for name in names if _answers_to(name, dataset)]
    if len(hits) == 1:
        return hits[0]
    raise DatasetError(
        "There is no such dataset." if not hits else "The dataset name is ambiguous.",
        expected="an id, a name or the path of a raw dataset folder that holds dataset.json",
        got=dataset,
        remedy=f"Datasets in {space.raw.parent}: {', '.join(hits or names) or 'none'}",
    )


def _answers_to(folder_name: str, dataset: str) -> bool:
    match = _FOLDER_NAME.fullmatch(folder_name)
    if folder_name == dataset:
        return True
    if match is None:
        return False
    if dataset == match[2]:
        return True
    # As nnU-Net takes them: 7 and 007 alike.
    is_id = dataset.isascii() and dataset.isdigit()
    return is_id and dataset.lstrip("0") == match[1].lstrip("0")
