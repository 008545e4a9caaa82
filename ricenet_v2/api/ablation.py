"""Contribution of each channel, by training every subset of the channels."""

from __future__ import annotations

from pathlib import Path

from ricenet_v2.ablation.ablate import AblationOptions, run_ablation
from ricenet_v2.ablation.budget import BudgetRequest
from ricenet_v2.ablation.subsets import canonical
from ricenet_v2.ablation.training import TrainingMachine
from ricenet_v2.ablation.write import write_ablation
from ricenet_v2.api import access
from ricenet_v2.api.caller import state_kept
from ricenet_v2.api.locations import DatasetInput, PathInput, as_path, paths_of
from ricenet_v2.api.public import public
from ricenet_v2.records.ablation import Ablation

__all__ = ["AblationOptions", "BudgetRequest", "TrainingMachine", "ablate"]


@public
def ablate(
    dataset: DatasetInput,
    options: AblationOptions | None = None,
    *,
    output: PathInput | None = None,
    workspace: PathInput | None = None,
) -> Ablation:
    """Train every subset of the channels on the same folds; write tables and pictures.

    A finished training is never repeated, so a call resumes where an earlier one ended.

    Args:
        dataset: Id, name or path of the raw dataset folder.
        options: Plan, subsets, epochs, where trainings run, permutations.
        output: Folder that is written; one inside that of the full model where None.
        workspace: Folder that holds raw/, preprocessed/ and results/.

    Returns:
        Metrics of each subset, contribution of each channel, and trainings that failed.

    Raises:
        DatasetError: A channel or subset does not exist.
        TrainingError: The dataset is not planned, or the full model was trained with other
            settings.

    Example:
        >>> options = rn.AblationOptions(
        ...     by="kind",
        ...     subsets=("dose",),
        ...     machine=rn.TrainingMachine("serial", device="cpu"),
        ...     repeats=0,
        ...     n_bootstrap=100,
        ... )
        >>> ablation = rn.ablate("1", options, workspace=space)
        >>> [group.name for group in ablation.groups]
        ['mri', 'dose']
    """
    return ablated(dataset, options or AblationOptions(), as_path(output), as_path(workspace))[0]


def ablated(
    dataset: DatasetInput, options: AblationOptions, output: Path | None, workspace: Path | None
) -> tuple[Ablation, Path]:
    """The ablation, and the folder that it is written to; see `ablate`."""
    with access.ablating(paths_of(dataset, workspace), options.plan, output), state_kept():
        ablation, model = run_ablation(str(dataset), options, workspace)
        names = [group.name for group in ablation.groups]
        folder = output or model.ablation(options.by, canonical(names, options.subsets))
        write_ablation(folder, ablation)
        return ablation, folder
