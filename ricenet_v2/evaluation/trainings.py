"""Trainings of one model that differ in nothing but the seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.evaluation.aligned_runs import on_same_cases
from ricenet_v2.evaluation.evaluation_input import positive_index
from ricenet_v2.evaluation.labelled_predictions import LabelledPredictions
from ricenet_v2.evaluation.pooling import pool
from ricenet_v2.records.run import Run
from ricenet_v2.store.existing import other_models
from ricenet_v2.store.fold_remedy import going_on
from ricenet_v2.store.fold_tables import runs_of
from ricenet_v2.store.paths import CASES_CSV, DatasetPaths, ModelPaths
from ricenet_v2.store.positive import positive_of
from ricenet_v2.store.seeds import seed_models
from ricenet_v2.store.workspace import dataset_paths


@dataclass(frozen=True)
class Trainings:
    """The trainings of one model, on the same cases in the same order.

    Attributes:
        paths: Folders of the dataset.
        models: Models, by seed.
        labelled: Predictions by seed.
        run: Run of the first fold of the first seed.
    """

    paths: DatasetPaths
    models: Mapping[int, ModelPaths]
    labelled: Mapping[int, LabelledPredictions]
    run: Run

    @property
    def folder(self) -> Path:
        """Folder of their variance: beside the metrics of the first seed."""
        return next(iter(self.models.values())).crossval


def read_trainings(
    dataset: str,
    plan: str,
    channels: str,
    workspace: Path | None,
    seeds: Sequence[int] = (),
) -> Trainings:
    """Pool the folds of each seed.

    Args:
        dataset: Id, name, or path of the raw dataset folder.
        plan: Name of the plan.
        channels: Label of the channels.
        workspace: Holds raw/, preprocessed/ and results/.
        seeds: Seeds of the trainings; all that exist where empty.

    Raises:
        DatasetError: A seed is named twice, was not trained or not to its end; there are fewer than
            two; or more than the seed differs.
    """
    paths = dataset_paths(dataset, workspace)
    existing = seed_models(paths, plan, channels)
    chosen = sorted(seeds or existing)
    missing = [seed for seed in chosen if seed not in existing]
    if len(chosen) < 2 or missing or len(set(chosen)) < len(chosen):
        names = ", ".join(map(str, existing)) or "none"
        example = chosen if len(set(chosen)) > 1 else [0, 1, 2]
        raise DatasetError(
            "The variation between seeds needs the same model trained with several seeds.",
            file=paths.results,
            expected="two or more different seeds that were trained",
            got=f"trained: {names}" + (f"; requested: {', '.join(map(str, seeds))}" * bool(seeds)),
            remedy=f"Run ricenet_train {dataset} all --seeds {' '.join(map(str, example))} "
            "--continue with the same options as before." + other_models(paths.run(plan, channels)),
        )
    models = {seed: existing[seed] for seed in chosen}
    runs = {seed: runs_of(model) for seed, model in models.items()}
    _check_same(runs, models)
    table = paths.raw / CASES_CSV
    pooled = {str(seed): pool(model, dataset, table) for seed, model in models.items()}
    aligned = on_same_cases(pooled).runs
    first = runs[chosen[0]]
    labelled = {seed: aligned[str(seed)] for seed in chosen}
    return Trainings(paths, models, labelled, first[min(first)])


def _check_same(runs: Mapping[int, Mapping[int, Run]], models: Mapping[int, ModelPaths]) -> None:
    """Refuse trainings in which more than the seed differs."""
    what: dict[str, Callable[[Run], object]] = {
        "number of epochs": lambda run: run.epochs,
        "plan and settings": lambda run: run.plan_hash,
        "preprocessed cases": lambda run: run.preprocessed_hash,
        "cases of a fold": lambda run: run.fold_hash,
        "version, of which one corrects for the prior": lambda run: run.prior is not None,
        "pretrained weights": lambda run: run.pretrained and run.pretrained.sha256,
    }
    seeds = list(runs)
    for seed in seeds[1:]:
        differing = [
            name
            for name, value in what.items()
            for fold in sorted(set(runs[seed]) & set(runs[seeds[0]]))
            if value(runs[seed][fold]) != value(runs[seeds[0]][fold])
        ]
        if differing:
            raise DatasetError(
                f"More than the seed differs between the trainings of seeds {seeds[0]} and {seed}.",
                file=models[seed].folder,
                expected="the same plan, settings, epochs, pretrained weights and folds",
                got=f"another {', another '.join(dict.fromkeys(differing))}",
                remedy="Move one of the folders away and train that seed with the options of the "
                "other: "
                f"{going_on(models[seed].fold(next(iter(runs[seed]))).folder)}",
            )


def positive_of_trainings(trainings: Trainings, name: str | None) -> int:
    """Index of the positive class: that named, else that of the dataset."""
    model = next(iter(trainings.models.values()))
    labelled = next(iter(trainings.labelled.values()))
    return positive_index(labelled, name or positive_of(model, trainings.paths.raw))
