"""Training budget of every subset: plan, settings, epochs and seed of the full model."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.options import NumberOrText, options
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.ranges import Count, Index
from ricenet_v2.records.run import Run
from ricenet_v2.store import fold_tables
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.training.options import TrainOptions, effective_plan, with_epochs
from ricenet_v2.training.settings import NETWORK_FIELDS

logger = logging.getLogger(__name__)


@options
class BudgetRequest:
    """Requested budget; None takes that of the full model, or of the plan.

    Attributes:
        epochs: Epochs of every fold.
        seed: Random seed of weights, sampling and augmentation.
        settings: Changes of the plan, as for ricenet_train --set.
        pretrained_weights: File that every fold begins with.
        allow_missing_weights: Whether parts of the encoder may stay fresh.
        allow_leak: Whether the file may have been trained on held-out cases.
    """

    epochs: Count | None = None
    seed: Index | None = None
    settings: Mapping[str, NumberOrText] = field(default_factory=dict)
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False
    allow_leak: bool = False


@dataclass(frozen=True)
class TrainingBudget:
    """Budget that all subsets share.

    Attributes:
        plan: Plan of all channels, with settings and epochs.
        seed: Random seed of every fold.
        pretrained_weights: File that every fold begins with.
        allow_missing_weights: Whether parts of the encoder may stay fresh.
        allow_leak: Whether the file may have been trained on held-out cases.
    """

    plan: Plan
    seed: int
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False
    allow_leak: bool = False

    @property
    def epochs(self) -> int:
        """Epochs of every fold."""
        return self.plan.training.epochs

    def options(
        self,
        subset: Subset,
        num_workers: int | None = None,
        cache_gb: float | None = None,
        device_cache_gb: float | None = None,
    ) -> TrainOptions:
        """Options for training a subset; a fold that was started is continued."""
        return TrainOptions(
            channels=subset.channels,
            resume=True,
            epochs=self.epochs,
            seed=self.seed,
            pretrained_weights=self.pretrained_weights,
            allow_missing_weights=self.allow_missing_weights,
            allow_leak=self.allow_leak,
            num_workers=num_workers,
            cache_gb=cache_gb,
            device_cache_gb=device_cache_gb,
        )


def budget_of(paths: DatasetPaths, planned: Plan, request: BudgetRequest) -> TrainingBudget:
    """The budget of the full model where one exists, else that of the plan and the request.

    Args:
        paths: Folders of the dataset.
        planned: Plan as stored for the dataset.
        request: Requested budget of the user.

    Raises:
        TrainingError: The full model was trained with other epochs, seed or settings than the user
            names, its folds differ, or it began with pretrained weights that nobody named.
    """
    model = paths.run(planned.name)
    requested = effective_plan(
        planned, TrainOptions(epochs=request.epochs, overrides=request.settings)
    )
    runs = dict(runs_of(model))
    if not runs:
        return _budget(requested, request.seed or 0, request)
    first = next(iter(runs.values()))
    known = {"epochs": first.epochs, "seed": first.seed}
    differing = [
        f"fold {fold}: {name} {getattr(run, name)}"
        for fold, run in runs.items()
        for name, value in known.items()
        if getattr(run, name) != value
    ]
    plan = with_epochs(documents.read(Plan, model.plan), first.epochs)
    differing += _differing_options(request, requested, plan, first)
    if differing:
        raise TrainingError(
            "The subsets cannot be trained as the full model was.",
            file=model.folder,
            expected=f"{first.epochs} epochs, seed {first.seed} and the settings of its plan.json, "
            "as in its first fold",
            got="; ".join(differing),
            remedy="Leave these options out to follow the full model, bring its folds to the same "
            "length with ricenet_train --continue --epochs N, or move its folder away.",
        )
    if others := list(_other_settings(requested, plan)):
        logger.info("Taken from the full model instead of the plan: %s.", ", ".join(others))
    return _budget(plan, first.seed, request)


def _other_settings(requested: Plan, plan: Plan) -> Iterator[str]:
    """Settings of `--set` that differ in the full model."""
    old, new = _settings(plan), _settings(requested)
    for name, value in old.items():
        if value != new[name]:
            yield f"{name} {value} ({new[name]})"


def _settings(plan: Plan) -> dict[str, object]:
    training = asdict(plan.training)
    del training["num_workers"]  # decides no result
    augmentation = training.pop("augmentation")
    network = {f"network.{name}": getattr(plan.network, name) for name in NETWORK_FIELDS}
    return (
        training | {f"augmentation.{name}": value for name, value in augmentation.items()} | network
    )


def _budget(plan: Plan, seed: int, request: BudgetRequest) -> TrainingBudget:
    file = request.pretrained_weights
    return TrainingBudget(plan, seed, file, request.allow_missing_weights, request.allow_leak)


def _differing_options(
    request: BudgetRequest, requested: Plan, plan: Plan, run: Run
) -> Iterator[str]:
    if request.epochs is not None and request.epochs != run.epochs:
        yield f"--epochs {request.epochs}"
    if request.seed is not None and request.seed != run.seed:
        yield f"--seed {request.seed}"
    same_epochs = with_epochs(requested, plan.training.epochs)
    if request.settings and (same_epochs.training, same_epochs.network) != (
        plan.training,
        plan.network,
    ):
        yield "--set " + " ".join(f"{name}={value}" for name, value in request.settings.items())
    if (run.pretrained is None) != (request.pretrained_weights is None):
        beginning = "without" if run.pretrained is None else f"with {run.pretrained.file}"
        yield f"--pretrained_weights {request.pretrained_weights}, the full model began {beginning}"


def runs_of(model: ModelPaths) -> Iterator[tuple[int, Run]]:
    """Number and run.json of each fold of a model that was begun, ascending."""
    yield from fold_tables.runs_of(model).items()
