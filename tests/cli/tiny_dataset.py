"""A tiny raw dataset, and the command that plans and preprocesses it."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ricenet_v2.cli.plan_and_preprocess import main
from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.store.images import write_image
from ricenet_v2.store.paths import DatasetPaths
from ricenet_v2.store.raw import image_path, images_folder, write_raw_tables
from ricenet_v2.store.workspace import dataset_paths

NAME = "Dataset901_Tiny"
ARGUMENTS = ("--num_workers", "1", "--gpu_memory_gb", "2")


def some_cases(count: int) -> list[Case]:
    """Training cases of two classes in turn."""
    return [Case(f"case{n:02d}", f"p{n:02d}", ("tumour", "RICE")[n % 2]) for n in range(count)]


def write_tiny(workspace: Path, cases: list[Case]) -> DatasetPaths:
    """A raw dataset of two channels with 16 voxels a side."""
    folder = workspace / "raw" / NAME
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    write_raw_tables(folder, Dataset(NAME, channels, ("tumour", "RICE")), cases)
    for case in cases:
        rng = np.random.default_rng(list(case.case_id.encode()))
        mri = np.zeros((16, 16, 16), dtype=np.float32)
        mri[2:14, 2:14, 2:14] = rng.normal(100, 10, (12, 12, 12))
        dose = (60 * rng.uniform(0, 1, (16, 16, 16))).astype(np.float32)
        for index, image in enumerate((mri, dose)):
            path = image_path(images_folder(folder, case.split), case.case_id, index, ".nii.gz")
            write_image(path, image, Grid((16, 16, 16), (2.0, 2.0, 2.0)))
    return dataset_paths(NAME, workspace)


def run(workspace: Path, *more: str) -> int:
    """The exit code of the command for the tiny dataset."""
    return main([NAME, "--workspace", str(workspace), *ARGUMENTS, *more])


def files_below(folder: Path) -> set[str]:
    """Names below a folder, without the measurements of single cases."""
    names = {p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file()}
    return {name for name in names if not name.startswith("measurements/")}


def stored_arrays(paths: DatasetPaths) -> list[Path]:
    """Arrays of the preprocessed cases."""
    return [path for path in paths.cases().glob("*.b2nd") if not path.name.startswith(".")]
