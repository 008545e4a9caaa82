"""Properties that the folds of one model must share to predict together."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.dataset import Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.store import checkpoints
from ricenet_v2.store.paths import ModelPaths


def plans_and_datasets(
    states: Mapping[int, checkpoints.State], folder: Path
) -> tuple[dict[int, Plan], dict[int, Dataset]]:
    """The plan and the description of the dataset that each checkpoint was trained by.

    All that prediction follows is the same in them; the number of epochs may differ.

    Args:
        states: Checkpoint of each fold.
        folder: Folder for the message.

    Raises:
        DocumentError: A plan or a description in a checkpoint cannot be read.
        PlanError: Something that prediction follows is not the same in all of them.
    """
    folders = {fold: ModelPaths(folder).fold(fold).folder for fold in states}
    plans = {fold: _document(Plan, state["plan"], folders[fold]) for fold, state in states.items()}
    datasets = {
        fold: _document(Dataset, state["dataset"], folders[fold]) for fold, state in states.items()
    }
    followed = {fold: _followed(plans[fold], datasets[fold]) for fold in states}
    first = next(iter(states))
    for fold, parts in followed.items():
        other = [name for name, value in parts.items() if value != followed[first][name]]
        if other:
            raise PlanError(
                f"Fold {fold} was trained by another plan or dataset.json than the other folds.",
                file=folder,
                expected=f"the same {', '.join(parts)} in all folds",
                got=f"another {', '.join(other)}",
                remedy="Name folds of one plan with -f, or train this fold again.",
            )
    return plans, datasets


def _followed(plan: Plan, dataset: Dataset) -> dict[str, object]:
    """Fields that decide the files read, the input of a network and the use of its output."""
    return {
        "dataset": dataset.name,
        "dataset channels": dataset.channels,
        "dataset classes": dataset.classes,
        "file_ending": dataset.file_ending,
        "network": plan.network,
        "channels": plan.channels,
        "spacing": plan.spacing,
        "straightening": plan.straighten,
        "input_size": plan.input_size,
        "classes": plan.classes,
        "balance": plan.training.balance,
        "mirror_axes": tuple(sorted(plan.training.augmentation.mirror_axes)),
    }


def _document(kind: type[documents.D], text: str, file: Path) -> documents.D:
    fields = documents.parsed_object(text, file)
    known = {name: value for name, value in fields.items() if name not in ("document", "schema")}
    return documents.from_fields(kind, known, file)
