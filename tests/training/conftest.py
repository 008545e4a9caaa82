"""A dataset of random voxels with a tiny plan, written as preprocessing would leave it."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.small_plan import small_plan
from ricenet_v2.core import documents
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import (
    AugmentationPlan,
    ChannelPlan,
    MemoryEstimate,
    NetworkPlan,
    Normalisation,
    TrainingPlan,
)
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store.cases import read_array, read_record, write_case
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import write_raw_tables
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.splits import make_splits

NAME = "Dataset009_Tiny"
SIZE = (8, 8, 8)
CLASSES = ("radiation_effect", "recurrence")


def _channel(name: str, kind: str) -> ChannelPlan:
    return ChannelPlan(name, kind, "linear", Normalisation("none"))


def _plan() -> Plan:
    return small_plan(
        dataset=NAME,
        fingerprint="none",
        classes=CLASSES,
        channels=(_channel("T1c", "mri"), _channel("dose", "dose")),
        input_size=SIZE,
        network=NetworkPlan(
            architecture="residual_encoder",
            features=(4, 8),
            blocks=(1, 1),
            kernel_sizes=((3, 3, 3), (3, 3, 3)),
            strides=((1, 1, 1), (2, 2, 2)),
            norm="instance",
            dropout=0.2,
            stem="conv at full resolution",
        ),
        training=TrainingPlan(
            batch_size=2,
            accumulation_steps=2,
            epochs=3,
            iterations_per_epoch=2,
            learning_rate=1e-3,
            warmup_epochs=1,
            augmentation=AugmentationPlan(),
        ),
        memory=MemoryEstimate(1, 1, 2, 1, 10, 1, 1, 1, 1),
        memory_budget_gb=8.0,
        dose_range={"dose": (0.0, 1.0)},
    )


def _record(case_id: str, plan: Plan) -> PreprocessedCase:
    return PreprocessedCase(
        case_id=case_id,
        shape=(2, *SIZE),
        source_grid_shape=SIZE,
        source_spacing=(1.0, 1.0, 1.0),
        source_origin=(0.0, 0.0, 0.0),
        source_direction=(1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
        crop_start=(0, 0, 0),
        crop_stop=SIZE,
        region="whole image",
        dose_maximum={"dose": 1.0},
        warnings=(),
        inputs_hash=f"of {case_id}",
        plan_hash=voxels_hash(plan),
    )


def write_workspace(workspace: Path, plan: Plan, n_cases: int = 20) -> Path:
    """Raw tables (no images), plan, folds and preprocessed cases; recurrences are brighter."""
    random = np.random.default_rng(3)
    dataset = Dataset(NAME, (Channel("T1c", "mri"), Channel("dose", "dose")), CLASSES)
    cases = [Case(f"C{i:02d}", f"P{i:02d}", CLASSES[i % 2]) for i in range(n_cases)]
    write_raw_tables(workspace / "raw" / NAME, dataset, cases)
    paths = dataset_paths(NAME, workspace)
    documents.write(paths.plan(plan.name), plan)
    documents.write(paths.splits, make_splits(cases))
    for index, case in enumerate(cases):
        voxels = random.normal(index % 2, 1.0, (2, *SIZE)).astype(np.float32)
        write_case(paths.cases(plan.name), voxels, _record(case.case_id, plan))
    return workspace


@pytest.fixture(autouse=True)
def _drawing(monkeypatch):
    """Runs leave an empty file, since drawing takes longer than all else; see test_curves."""

    def leave_empty(rows, path, title):
        path.touch()

    monkeypatch.setattr("ricenet_v2.training.fold.draw_progress", leave_empty)


@pytest.fixture
def plan() -> Plan:
    return _plan()


@pytest.fixture
def with_training(plan):
    """The tiny plan with fields of its training section changed."""

    def change(**fields: object) -> Plan:
        return dataclasses.replace(plan, training=dataclasses.replace(plan.training, **fields))

    return change


@pytest.fixture
def make_workspace(tmp_path):
    """A workspace of a plan, called by a name of its own, or at a path."""

    def make(made: Plan, name: str | Path = "workspace", n_cases: int = 20) -> DatasetPaths:
        write_workspace(tmp_path / name, made, n_cases)
        return dataset_paths(NAME, tmp_path / name)

    return make


@pytest.fixture
def lacking():
    """A function that makes a plan one of patients who lack images, and takes doses away."""

    def planned(plan: Plan) -> Plan:
        augmentation = AugmentationPlan(channel_dropout=(0.3, 0.5))
        return dataclasses.replace(
            plan,
            network=dataclasses.replace(plan.network, presence=True),
            training=dataclasses.replace(plan.training, augmentation=augmentation),
        )

    def take_doses(paths: DatasetPaths) -> DatasetPaths:
        folder = paths.cases()
        for number in range(0, 20, 3):
            record = read_record(folder, f"C{number:02d}")
            voxels = read_array(folder, record.case_id).copy()
            voxels[1] = np.nan
            record = dataclasses.replace(record, missing=("dose",), dose_maximum={})
            write_case(folder, voxels, record)
        return paths

    return planned, take_doses


@pytest.fixture(scope="module")
def as_it_was(tmp_path_factory):
    """A function that gives a workspace as `make` left it, at the same place for a whole file."""
    folder = tmp_path_factory.mktemp("as_it_was")
    place, copy = folder / "workspace", folder / "copy"

    def get(make: Callable[[Path], object]) -> DatasetPaths:
        if copy.exists():
            shutil.rmtree(place)
            shutil.copytree(copy, place)
        else:
            make(place)
            shutil.copytree(place, copy)
        return dataset_paths(NAME, place)

    return get


@pytest.fixture
def run_fold():
    """Train fold 0 in this process, which loads the cases itself; returns the run."""
    import torch

    from ricenet_v2.records.splits import Splits
    from ricenet_v2.store.raw import load_raw_dataset
    from ricenet_v2.training.fold import train_fold
    from ricenet_v2.training.options import TrainOptions
    from ricenet_v2.training.process_group import ProcessGroup
    from ricenet_v2.training.training_setup import TrainingSetup

    def run(paths: DatasetPaths, **options: object):
        raw = load_raw_dataset(paths.raw)
        options = {"num_workers": 0} | options
        setup = TrainingSetup(
            paths,
            documents.read(Plan, paths.plan()),
            raw.dataset,
            raw.cases,
            documents.read(Splits, paths.splits),
            TrainOptions(**options),
            ProcessGroup(0, 1, torch.device("cpu")),
        )
        return train_fold(setup, 0)

    return run
