"""Setup that the folds of a dataset share, checked before the first of them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ricenet_v2.core import documents
from ricenet_v2.core.errors import TrainingError
from ricenet_v2.core.names import number
from ricenet_v2.preprocessing.raw_changes import warn_raw_changes
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plugins import require
from ricenet_v2.records.splits import Fold, Splits
from ricenet_v2.store.case_table import rows_by_id
from ricenet_v2.store.existing import not_planned
from ricenet_v2.store.paths import CASES_CSV, DATASET_JSON, FULL, DatasetPaths, ModelPaths
from ricenet_v2.store.raw import load_raw_dataset
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.options import TrainOptions, effective_plan, label_of, model_of
from ricenet_v2.training.preprocessed import check_described
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.ranked_epochs import check_early_stop
from ricenet_v2.training.splits import check_labels, check_splits, make_splits
from ricenet_v2.training.trackers import check_trackers
from ricenet_v2.training.training_cases import training_cases


@dataclass(frozen=True)
class TrainingSetup:
    """Setup that the folds of a dataset share.

    Attributes:
        paths: Files of the dataset.
        plan: Plan by which they are trained.
        dataset: Its channels and classes.
        cases: All of them.
        splits: The folds.
        options: Options chosen by the user.
        process_group: The processes that train.
        is_full: Whether all training cases are trained on, as a single fold that holds out none.
    """

    paths: DatasetPaths
    plan: Plan
    dataset: Dataset
    cases: Sequence[Case]
    splits: Splits
    options: TrainOptions
    process_group: ProcessGroup
    is_full: bool = False

    @property
    def model(self) -> ModelPaths:
        """Files of the model that the options train."""
        return model_of(self.paths, self.plan, self.options, full=self.is_full)

    @property
    def label(self) -> str:
        """Label of the channels in the name of the model's folder."""
        return label_of(self.plan, self.options, full=self.is_full)

    def full(self) -> TrainingSetup:
        """The same for a network of all training cases.

        Raises:
            TrainingError: Training is to end early, which needs validation cases.
        """
        n = effective_plan(self.plan, self.options).training.early_stop_epochs
        if n:
            raise TrainingError(
                "A network of all training cases cannot stop early: it has no validation cases.",
                expected="early_stop_epochs=0",
                got=n,
                remedy="Pass --set early_stop_epochs=0, and the epochs that folds took with "
                "--epochs.",
            )
        ids = tuple(case.case_id for case in training_cases(self.cases))
        splits = Splits(seed=0, folds=(Fold(train=ids, validation=()),))
        return dataclasses.replace(self, splits=splits, is_full=True)


def load_setup(
    dataset: str,
    plan: str,
    workspace: Path | None,
    options: TrainOptions,
    process_group: ProcessGroup,
) -> TrainingSetup:
    """Read plan, folds and cases, and check the options before the first fold.

    Images that have changed since they were preprocessed are a warning.

    Raises:
        TrainingError: The dataset is not planned yet, or training is to end early by the held-out
            cases of a fold that are of one class.
        DatasetError: It is too small for folds, or its table is not that of the folds or the plan.
        PluginError: A package is missing that the plan needs.
        PlanError: A setting or channel does not exist, or dataset.json is not that of the plan.
    """
    paths = dataset_paths(dataset, workspace)
    raw = load_raw_dataset(paths.raw)
    rows_by_id(raw.cases, paths.raw / CASES_CSV)
    if not paths.splits.is_file():
        # A dataset that is too small for folds has no such file, however often it is planned.
        make_splits(raw.cases)
    if not paths.plan(plan).is_file() or not paths.splits.is_file():
        raise not_planned(paths, plan, dataset)
    dataset_plan, splits = (
        documents.read(Plan, paths.plan(plan)),
        documents.read(Splits, paths.splits),
    )
    require(dataset_plan, paths.plan(plan))
    # A wrong setting is reported once, before the first fold.
    used = effective_plan(dataset_plan, options)
    check_described(dataset_plan, raw.dataset, paths.raw / DATASET_JSON)
    check_trackers(options.loggers)
    check_splits(splits, raw.cases, paths.splits)
    check_labels(raw.cases, dataset_plan.classes, paths.raw / CASES_CSV)
    labels = {case.case_id: case.label for case in raw.cases}
    check_early_stop(used.training.early_stop_epochs, splits, labels)
    if process_group is None or process_group.leads:
        warn_raw_changes(raw, dataset_plan, paths)
    return TrainingSetup(
        paths, dataset_plan, raw.dataset, raw.cases, splits, options, process_group
    )


def chosen_folds(text: str, n_folds: int) -> list[int]:
    """The numbers that `all` or a number means.

    Args:
        text: Text typed by the user.
        n_folds: Number of folds of the dataset, over all repeats.

    Raises:
        TrainingError: Neither, or the dataset has no folds.
    """
    if n_folds == 0:
        raise TrainingError(
            "This dataset was planned without folds.",
            expected=FULL,
            got=text,
            remedy="Train a network of all training cases with ricenet_train DATASET full, or plan "
            "with --num_folds 2 or more and --overwrite.",
        )
    if text == "all":
        return list(range(n_folds))
    fold = number(text)
    if fold is not None and fold < n_folds:
        return [fold]
    raise TrainingError(
        "There is no such fold.",
        expected=f"0 to {n_folds - 1}, or {FULL}",
        got=text,
        remedy="All folds are trained by ricenet_train DATASET all.",
    )
