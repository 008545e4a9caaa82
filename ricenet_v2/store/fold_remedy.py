"""Remedies for a file of a trained fold that cannot be used: the whole command, in words."""

from __future__ import annotations

import os
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.command import text_of
from ricenet_v2.core.errors import DocumentError
from ricenet_v2.core.places import without_home
from ricenet_v2.records.run import Run
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.paths import FULL

_TRAIN, _BASELINE, _CONTINUE = "ricenet_train", "ricenet_baseline", "--continue"


def read_run(paths: FoldPaths) -> Run:
    """The record of a fold that was begun.

    Raises:
        DocumentError: It is missing or damaged; no command makes it again, and the text says so.
    """
    try:
        return documents.read(Run, paths.run)
    except DocumentError as error:
        raise error.with_parts(
            remedy="Put a whole copy of this file back, or move the folder of the fold away and "
            "train it again: only this file records how the fold was started.",
        ) from error


def remedy_of(file: Path) -> str:
    """Remedy for a missing or damaged file of a fold.

    Args:
        file: A checkpoint, or the training features, in the folder of its fold.
    """
    paths = FoldPaths(file.parent)
    if not paths.run.is_file():
        return "Copy it again from where it was trained, or train the fold again."
    if file.name == paths.reference.name:
        return (
            f"Run `{going_on(paths.folder)}`, which makes it again from {paths.final.name}; or "
            "delete it (distances from the training cases are then not available)."
        )
    if file.name == paths.final.name:
        return (
            f"Run `{going_on(paths.folder)}`, which makes it again from {paths.latest.name}; or "
            "copy it again from where it was trained."
        )
    other = ""
    if paths.final.is_file():
        other = f" To predict without it, leave --checkpoint out, which takes {paths.final.name}."
    return from_first_epoch(paths.folder) + other


def from_first_epoch(folder: Path) -> str:
    """Remedy for a fold without a checkpoint from which it could resume.

    Args:
        folder: Folder of the fold.
    """
    paths = FoldPaths(folder)
    existing = [file.name for file in (paths.latest, paths.final) if os.path.lexists(file)]
    delete = f"delete {' and '.join(existing)} and run" if existing else "run"
    return (
        f"Put whole copies back into its folder. Or {delete} `{going_on(folder)}`, which trains "
        "the fold from its first epoch."
    )


def going_on(folder: Path) -> str:
    """The command that goes on with a fold: as it was begun, where that was by a command of folds.

    Args:
        folder: Folder of the fold.
    """
    try:
        run = documents.read(Run, FoldPaths(folder).run)
    except DocumentError:
        return f"{_TRAIN} DATASET {folder.name.rpartition('_')[2]} {_CONTINUE}"
    if run.command[:1] == (_BASELINE,):
        return text_of(run.command)
    command = [*run.command] if run.command[:1] == (_TRAIN,) else _composed(run, folder)
    return text_of(command if _CONTINUE in command else [*command, _CONTINUE])


def _composed(run: Run, folder: Path) -> list[str]:
    """Remedy for a fold of a demonstration, an ablation or a script, whose settings are unknown."""
    model, _, results, workspace = folder.absolute().parents[:4]
    command = [_TRAIN, run.dataset, FULL if run.is_full else str(run.fold)]
    command += ["--plan", run.plan] if run.plan != "auto" else []
    command += ["--channels", *run.channels] if "__all" not in model.name else []
    command += ["--seed", str(run.seed)] if run.seed else []
    command += ["--epochs", str(run.epochs)]
    if results.name == "results" and (workspace / "raw").is_dir():
        command += ["--workspace", without_home(str(workspace))]
    return command
