"""Plans of a few channels, and a small raw dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.small_plan import small_plan
from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import (
    RawDataset,
    image_path,
    images_folder,
    load_raw_dataset,
    write_raw_tables,
)

DIVISOR = 70.0
MRI = ChannelPlan("T1c", "mri", "cubic", Normalisation("zscore"))
DOSE = ChannelPlan("dose", "dose", "linear", Normalisation("divide", divisor=DIVISOR))
GRID = Grid((10, 12, 11), (3.0, 2.0, 2.5), (-4.0, 5.0, 6.0))


@pytest.fixture(scope="session")
def make_plan() -> Callable[..., Plan]:
    """A plan with what preprocessing reads; the rest is the smallest that is valid."""

    def make(
        channels: tuple[ChannelPlan, ...] = (MRI, DOSE),
        spacing: tuple[float, float, float] = (2.0, 2.0, 2.0),
        input_size: tuple[int, int, int] = (16, 12, 14),
        storage_dtype: str = "float32",
    ) -> Plan:
        return small_plan(
            dataset="Dataset902_Small",
            classes=("tumour", "RICE"),
            channels=channels,
            spacing=spacing,
            input_size=input_size,
            storage_dtype=storage_dtype,
        )

    return make


def images_of(case_id: str, grid: Grid = GRID) -> np.ndarray:
    """An MRI that is 0 at the rim, and a dose that is not, axes (channels, z, y, x)."""
    rng = np.random.default_rng(list(case_id.encode()))
    mri = np.zeros(grid.shape, dtype=np.float32)
    mri[1:-1, 2:-2, 1:-2] = rng.normal(400, 60, mri[1:-1, 2:-2, 1:-2].shape)
    dose = rng.uniform(0, 60, grid.shape).astype(np.float32)
    return np.stack([mri, dose])


@pytest.fixture
def raw(tmp_path: Path) -> RawDataset:
    """Three training cases and a test case."""
    folder = tmp_path / "Dataset902_Small"
    channels = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))
    cases = [Case(f"c{n}", f"p{n}", ("tumour", "RICE")[n % 2]) for n in range(3)]
    cases.append(Case("t0", "p9", "RICE", "test"))
    write_raw_tables(folder, Dataset("Dataset902_Small", channels, ("tumour", "RICE")), cases)
    for case in cases:
        for index, image in enumerate(images_of(case.case_id)):
            path = image_path(images_folder(folder, case.split), case.case_id, index, ".nii.gz")
            write_image(path, image, GRID)
    return load_raw_dataset(folder)
