"""Existing plans and models of a dataset, for errors about those that are not there."""

from __future__ import annotations

import shlex

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.store.paths import DatasetPaths, ModelPaths, model_names


def planning_of(dataset: str, plan: str = "auto") -> str:
    """The command that makes a plan and its cases.

    Args:
        dataset: Dataset as the user names it.
        plan: Name of the plan, which is that of its preset.
    """
    preset = "" if plan == "auto" else f" --preset {shlex.quote(plan)}"
    return f"ricenet_plan_and_preprocess {shlex.quote(dataset)}{preset}"


def not_planned(paths: DatasetPaths, plan: str, dataset: str) -> TrainingError:
    """The error of a dataset without a plan, or without the one that is named.

    Args:
        paths: Paths of the dataset.
        plan: Name of the plan that is not there, or whose folds are not.
        dataset: Dataset as the user names it.
    """
    file, existing = paths.plan(plan), paths.plan_names
    if not existing or plan in existing:
        return TrainingError(
            "This dataset is not planned and split yet.",
            file=paths.splits if plan in existing else file,
            remedy=f"Run {planning_of(dataset, plan)} first.",
        )
    first = existing[0]
    return TrainingError(
        f"This dataset has no plan {plan!r}.",
        file=file,
        expected=f"a plan that exists: {', '.join(existing)}",
        got=plan,
        remedy=f"Pass --plan {shlex.quote(first)}, or run {planning_of(dataset, plan)}.",
    )


def other_models(model: ModelPaths) -> str:
    """The models beside the folder of one that is not there, in a sentence with a blank before it.

    Args:
        model: Its folder.

    Returns:
        An empty text where the folder is there, or none is beside it.
    """
    names = () if model.folder.is_dir() else model_names(model.folder.parent)
    if not names:
        return ""
    return f" There are: {', '.join(names)}; --plan and --channels choose PLAN__CHANNELS."
