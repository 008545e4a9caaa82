"""What every subset is trained with: the plan, settings, epochs and seed of the full model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.ablation import Subset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.run import Run
from ricenet_v2.store.fold_paths import FoldPaths
from ricenet_v2.store.paths import DatasetPaths, ModelPaths
from ricenet_v2.training.job import TrainOptions, effective_plan, with_epochs
from ricenet_v2.training.settings import with_channels

_MOST_TOLD = 20


@dataclass(frozen=True)
class Wish:
    """What a user names; None takes that of the full model, or of the plan.

    Attributes:
        epochs: Of every fold.
        seed: Of weights, sampling and augmentation.
        settings: Changes of the plan, as for ricenet_train --set.
        pretrained_weights: File that every fold begins with.
        allow_missing_weights: Whether parts of the encoder may stay fresh.
    """

    epochs: int | None = None
    seed: int | None = None
    settings: Mapping[str, str] = field(default_factory=dict)
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False


@dataclass(frozen=True)
class Budget:
    """What all subsets share.

    Attributes:
        plan: With settings and epochs, of all channels.
        seed: Of every fold.
        pretrained_weights: File that every fold begins with.
        allow_missing_weights: Whether parts of the encoder may stay fresh.
    """

    plan: Plan
    seed: int
    pretrained_weights: Path | None = None
    allow_missing_weights: bool = False

    @property
    def epochs(self) -> int:
        """Of every fold."""
        return self.plan.training.epochs

    def options(
        self, subset: Subset, num_workers: int | None = None, cache_gb: float | None = None
    ) -> TrainOptions:
        """For training a subset; a fold that was begun goes on."""
        return TrainOptions(
            channels=subset.channels,
            resume=True,
            epochs=self.epochs,
            seed=self.seed,
            pretrained_weights=self.pretrained_weights,
            allow_missing_weights=self.allow_missing_weights,
            num_workers=num_workers,
            cache_gb=cache_gb,
        )


def budget_of(paths: DatasetPaths, planned: Plan, wish: Wish) -> Budget:
    """That of the full model where it was begun, else that of the plan and the wish.

    Args:
        paths: Of the dataset.
        planned: As stored for the dataset.
        wish: Of the user.

    Raises:
        TrainingError: The full model was trained with other epochs, seed or settings than the user
            names, its folds differ, or it began with pretrained weights that nobody named.
    """
    model = paths.run(planned.name)
    asked = effective_plan(planned, TrainOptions(epochs=wish.epochs, overrides=wish.settings))
    runs = dict(_runs(model))
    if not runs:
        return _budget(asked, wish.seed or 0, wish)
    first = next(iter(runs.values()))
    known = {"epochs": first.epochs, "seed": first.seed}
    differing = [
        f"fold {fold}: {name} {getattr(run, name)}"
        for fold, run in runs.items()
        for name, value in known.items()
        if getattr(run, name) != value
    ]
    plan = with_epochs(documents.read(Plan, model.plan), first.epochs)
    differing += _other_wishes(wish, asked, plan, first)
    if differing:
        raise TrainingError(
            "All subsets are trained as the full model is, and that is not one thing.",
            file=model.folder,
            expected=f"{first.epochs} epochs, seed {first.seed} and the settings of its plan.json, "
            "as in its first fold",
            got="; ".join(differing),
            remedy="Leave these options out to follow the full model, bring its folds to the same "
            "length with ricenet_train --continue --epochs N, or move its folder away.",
        )
    return _budget(plan, first.seed, wish)


def _budget(plan: Plan, seed: int, wish: Wish) -> Budget:
    return Budget(plan, seed, wish.pretrained_weights, wish.allow_missing_weights)


def _other_wishes(wish: Wish, asked: Plan, plan: Plan, run: Run) -> Iterator[str]:
    if wish.epochs is not None and wish.epochs != run.epochs:
        yield f"--epochs {wish.epochs}"
    if wish.seed is not None and wish.seed != run.seed:
        yield f"--seed {wish.seed}"
    alike = with_epochs(asked, plan.training.epochs)
    if wish.settings and (alike.training, alike.network) != (plan.training, plan.network):
        yield "--set " + " ".join(f"{name}={value}" for name, value in wish.settings.items())
    if (run.pretrained is None) != (wish.pretrained_weights is None):
        there = "without" if run.pretrained is None else f"with {run.pretrained.file}"
        yield f"--pretrained_weights {wish.pretrained_weights}, the full model began {there}"


def _runs(model: ModelPaths) -> Iterator[tuple[int, Run]]:
    for fold in model.folds():
        if model.fold(fold).run.is_file():
            yield fold, documents.read(Run, model.fold(fold).run)


def is_finished(paths: FoldPaths, run: Run) -> bool:
    """Whether a fold was trained to its end and nothing of it is missing."""
    return run.status == "finished" and paths.final.is_file() and paths.validation.is_file()


def left_to_train(
    paths: DatasetPaths, subsets: Sequence[Subset], n_folds: int, budget: Budget
) -> list[tuple[Subset, int]]:
    """Subset and fold of every training that is not finished.

    Raises:
        TrainingError: Some fold that is there was trained otherwise; all of them are named.
    """
    left, faults = [], []
    for subset in subsets:
        model = ModelPaths(paths.results / subset.model)
        runs = dict(_runs(model))
        wanted = _wanted(subset, budget)
        for fold in range(n_folds):
            run = runs.get(fold)
            if run is not None:
                faults += _faults(subset, run, wanted)
            if run is None or not is_finished(model.fold(fold), run):
                left.append((subset, fold))
    if faults:
        more = len(faults) - _MOST_TOLD
        told = faults if more <= 0 else [*faults[:_MOST_TOLD], f"... and {more} more"]
        raise TrainingError(
            f"{len(faults)} fold(s) were trained otherwise than the full model.",
            file=paths.results,
            expected=f"{budget.epochs} epochs, seed {budget.seed}, and the plan of the full model",
            got="\n    " + "\n    ".join(told),
            remedy="Move the folders of these models away, or name the options that they were "
            "trained with.",
        )
    return left


def _wanted(subset: Subset, budget: Budget) -> dict[str, object]:
    plan = with_channels(budget.plan, subset.channels)
    return {
        "epochs": budget.epochs,
        "seed": budget.seed,
        "plan_hash": documents.fingerprint_of(plan),
    }


def _faults(subset: Subset, run: Run, wanted: Mapping[str, object]) -> list[str]:
    names = [name for name, value in wanted.items() if getattr(run, name) != value]
    # Other epochs change the hash of the plan too, which then says nothing new.
    if "epochs" in names and "plan_hash" in names:
        names.remove("plan_hash")
    told = {"plan_hash": "another plan or other settings"}
    return [
        f"{subset.name}, fold {run.fold}: "
        + told.get(name, f"{name} {getattr(run, name)}, here {wanted[name]}")
        for name in names
    ]


def check_alike(paths: DatasetPaths, subsets: Sequence[Subset]) -> None:
    """Refuse subsets whose folds are not of the same cases, or not of the same images.

    Raises:
        TrainingError: A fold of some subset saw other cases than that of the full model.
    """
    full, *others = [dict(_runs(ModelPaths(paths.results / s.model))) for s in subsets]
    faults = [
        f"{subset.name}, fold {fold}"
        for subset, runs in zip(subsets[1:], others, strict=True)
        for fold, run in runs.items()
        if fold in full and _inputs(run) != _inputs(full[fold])
    ]
    if faults:
        raise TrainingError(
            "Some folds began with other weights, cases, labels or images than the full model.",
            file=paths.results,
            expected=f"the cases of {subsets[0].model}",
            got=", ".join(faults),
            remedy="Move the folders of these models away and run the command again.",
        )


def _inputs(run: Run) -> tuple[str, str, str]:
    began = run.pretrained.sha256 if run.pretrained is not None else ""
    return run.fold_hash, run.preprocessed_hash, began
