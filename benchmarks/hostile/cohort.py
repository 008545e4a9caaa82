"""The small cohort that is attacked: ten patients, an MRI, a dose and a mask each."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from benchmarks.hostile.commands import ask
from ricenet_v2.core.grid import Grid
from ricenet_v2.core.seeds import generator
from ricenet_v2.records.dataset import Case, Channel, Dataset, Split
from ricenet_v2.store.images import write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import image_path, images_folder, write_raw_tables
from ricenet_v2.store.workspace import dataset_paths

NAME = "Dataset013_Attacked"
CLASSES = ("no", "yes")
CHANNELS = (
    Channel("T1c", "mri"),
    Channel("dose", "dose", unit="Gy"),
    Channel("lesion", "mask"),
)
SHAPE, SPACING = (14, 16, 12), (12.0, 11.0, 13.0)
N_TRAIN, N_TEST = 10, 2
PLAN = "small"
FOLDS = 2
"""One for each centre."""
PREPARE = ("--preset", PLAN, "--group", "centre")


def grid(spacing: tuple[float, float, float] = SPACING) -> Grid:
    """Grid of all images."""
    z, y, x = (-(n - 1) * s / 2 for n, s in zip(SHAPE, spacing, strict=True))
    return Grid(SHAPE, spacing, (x, y, z))


def images(number: int) -> list[np.ndarray[tuple[int, ...], np.dtype[np.float32]]]:
    """Channels of a patient, axes (z, y, x)."""
    random = generator(0, "attacked", str(number))
    places = np.stack(np.meshgrid(*[np.linspace(-1, 1, n) for n in SHAPE], indexing="ij"), axis=-1)
    head = np.linalg.norm(places, axis=-1) < 0.95
    away = np.linalg.norm(places - random.uniform(-0.3, 0.3, 3), axis=-1)
    mri = np.where(head, random.normal(300, 40, SHAPE) + 200 * (away < 0.4), 0)
    dose = random.uniform(58, 62) / (1 + np.exp((away - 0.5) * 8))
    return [image.astype(np.float32) for image in (mri, dose, (away < 0.4) * 1.0)]


def write_raw(folder: Path, ending: str = ".nii.gz", n_test: int = N_TEST) -> Path:
    """Write the raw dataset; the folder."""
    dataset = Dataset(NAME, CHANNELS, CLASSES, positive_class="yes", file_ending=ending)
    cases = []
    for number in range(N_TRAIN + n_test):
        split: Split = "train" if number < N_TRAIN else "test"
        case = Case(
            f"C{number:02d}", f"P{number:02d}", CLASSES[number % 2], split,
            {
                "age": str(40 + number),
                "centre": "AB"[number // 2 % 2],
                "fractions": "30",
                "prescription_gy": "60",
            },
        )  # fmt: skip
        for index, image in enumerate(images(number)):
            path = image_path(images_folder(folder, split), case.case_id, index, ending)
            write_image(path, image, grid())
        cases.append(case)
    write_raw_tables(folder, dataset, cases)
    return folder


def planned(workspace: Path) -> DatasetPaths:
    """The cohort, preprocessed; one that is there stays.

    Raises:
        SystemExit: It cannot be planned.
    """
    paths = dataset_paths(str(write_once(workspace)), workspace)
    if not paths.plan(PLAN).is_file():
        _done("plan_and_preprocess", workspace, NAME, *PREPARE, "--num_workers", 1)
    return paths


def trained(workspace: Path) -> DatasetPaths:
    """The cohort with trained folds; those that are there stay."""
    paths = planned(workspace)
    for fold in range(FOLDS):
        if not paths.run(PLAN).fold(fold).final.is_file():
            _done("train", workspace, NAME, fold, *TRAIN)
    return paths


TRAIN = ("-p", PLAN, "--epochs", 2, "--set", "iterations_per_epoch=2", "--device", "cpu")


def write_once(workspace: Path) -> Path:
    """The raw dataset, written where it is not there yet."""
    folder = workspace / "raw" / NAME
    return folder if folder.is_dir() else write_raw(folder)


def copy(paths: DatasetPaths, workspace: Path) -> DatasetPaths:
    """A copy of all that belongs to the dataset, which takes the place of an earlier one."""
    shutil.rmtree(workspace, ignore_errors=True)
    for folder in (paths.raw, paths.preprocessed, paths.results):
        if folder.is_dir():
            shutil.copytree(folder, workspace / folder.parent.name / folder.name)
    return dataset_paths(str(workspace / "raw" / NAME), workspace)


def _done(command: str, workspace: Path, *words: object) -> None:
    given = (*words, "--workspace", workspace)
    answer = ask(command, *given, log=workspace / "log.txt", seconds=600)
    if answer.code != 0:
        raise SystemExit(f"ricenet_{command} failed on the sound cohort:\n{answer.text[-2000:]}")
