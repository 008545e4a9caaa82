"""A dataset of eight voxels a side that goes through every command in a second or two each."""

from __future__ import annotations

import csv
import dataclasses
import math
import shutil
from pathlib import Path

import numpy as np

from benchmarks.small_plan import small_plan
from ricenet_v2.cli import train
from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.cohort import preprocess_case
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import (
    AugmentationPlan,
    ChannelPlan,
    NetworkPlan,
    Normalisation,
    TrainingPlan,
)
from ricenet_v2.store.images import write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import (
    image_path,
    images_folder,
    load_raw_dataset,
    mask_path,
    masks_folder,
    write_raw_tables,
)
from ricenet_v2.store.workspace import dataset_paths
from ricenet_v2.training.splits import make_splits

NAME, SIZE, CLASSES = "Dataset009_Pretended", (8, 8, 8), ("radiation_effect", "recurrence")
SPACING = (15.0, 15.0, 15.0)
KINDS = {"T1c": "mri", "dose": "dose", "zone": "mask"}
N_CASES, N_FOLDS = 8, 2
LEARNS = ["mixed_precision=false", "learning_rate=0.02"]
"""Settings of comparisons: in float32, and with steps so large that what differs shows."""


def plan_of() -> Plan:
    """Two stages, two steps of two samples an update, bands around levels of the dose."""
    chosen = {name: Normalisation("none") for name in KINDS}
    chosen["dose"] = Normalisation("divide", divisor=65.0)
    return small_plan(
        dataset=NAME,
        classes=CLASSES,
        channels=tuple(
            ChannelPlan(name, kind, "nearest" if kind == "mask" else "linear", chosen[name])
            for name, kind in KINDS.items()
        ),
        spacing=SPACING,
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
            levels=((), (0.0, 0.3, 0.6, 0.9), ()),
        ),
        training=TrainingPlan(
            batch_size=2,
            accumulation_steps=2,
            epochs=1,
            iterations_per_epoch=2,
            warmup_epochs=0,
            augmentation=AugmentationPlan(),
        ),
        dose_range={"dose": (0.0, 1.0)},
    )


def write_dataset(workspace: Path) -> DatasetPaths:
    """Images, plan, folds and preprocessed cases, of which two are for testing."""
    random, plan, grid = np.random.default_rng(3), plan_of(), Grid(SIZE, SPACING)
    dataset = Dataset(
        NAME,
        tuple(Channel(n, k, unit="Gy" if k == "dose" else None) for n, k in KINDS.items()),
        CLASSES,
    )
    cases = [
        Case(f"C{i}", f"P{i}", CLASSES[i % 2], split="test" if i < 2 else "train")
        for i in range(N_CASES + 2)
    ]
    write_raw_tables(workspace / "raw" / NAME, dataset, cases)
    paths = dataset_paths(NAME, workspace)
    for number, case in enumerate(cases):
        images, masks = images_folder(paths.raw, case.split), masks_folder(paths.raw, case.split)
        images.mkdir(exist_ok=True)
        masks.mkdir(exist_ok=True)
        values = random.random((3, *SIZE), dtype=np.float32) + 0.1
        values[0] += number % 2
        values[1] *= 50 + 10 * (number % 2)
        values[2] = values[2] > 0.6
        for channel, voxels in enumerate(values):
            write_image(image_path(images, case.case_id, channel, ".nii.gz"), voxels, grid)
        lesion = np.zeros(SIZE, np.uint8)
        lesion[3:6, 3:6, 2:5] = 1
        for name, mask in (("brain", np.ones(SIZE, np.uint8)), ("lesion", lesion)):
            write_image(mask_path(masks, case.case_id, name, ".nii.gz"), mask, grid)
    documents.write(paths.plan("auto"), plan)
    documents.write(paths.splits, make_splits(cases, n_folds=N_FOLDS))
    paths.cases("auto").mkdir(parents=True, exist_ok=True)
    for case in cases:
        preprocess_case(load_raw_dataset(paths.raw), case, plan, paths.cases("auto"))
    return paths


def lack_images(workspace: Path) -> None:
    """Make the dataset one of patients of whom some lack the dose, and plan it for that."""
    paths = dataset_paths(NAME, workspace)
    plan = documents.read(Plan, paths.plan())
    plan = dataclasses.replace(
        plan,
        network=dataclasses.replace(plan.network, presence=True),
        training=dataclasses.replace(
            plan.training, augmentation=AugmentationPlan(channel_dropout=(0.2, 0.5, 0.5))
        ),
    )
    documents.write(paths.plan(), plan)
    for case in ("C1", "C4", "C6", "C7"):
        for file in paths.raw.glob(f"images*/{case}_0001.nii.gz"):
            file.unlink()
    raw = load_raw_dataset(paths.raw)
    for case in raw.cases:
        preprocess_case(raw, case, plan, paths.cases())


def train_on(workspace: Path, device: str, *words: str, fold: str = "0") -> None:
    """`ricenet_train`; settings among the words come last."""
    common = ["--workspace", str(workspace), "--device", device, "--num_workers", "0"]
    assert train.main([NAME, fold, *common, *words]) == 0


def copy_of(workspace: Path, target: Path) -> Path:
    """The workspace once more, for a device of its own."""
    return Path(shutil.copytree(workspace, target))


def numbers_in(path: Path) -> dict[str, list[float]]:
    """The columns of a table that hold numbers in every row."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    columns = {name: [_number(row[name]) for row in rows] for name in rows[0]}
    return {n: values for n, values in columns.items() if not all(map(math.isnan, values))}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


def assert_alike(on_cpu: Path, on_device: Path, tolerance: float, without: tuple[str, ...] = ()):
    """Compare the numbers of two tables, column by column."""
    ours, theirs = numbers_in(on_cpu), numbers_in(on_device)
    assert list(ours) == list(theirs)
    for name in ours:
        if name not in without:
            np.testing.assert_allclose(
                theirs[name], ours[name], atol=tolerance, rtol=0, err_msg=name
            )
