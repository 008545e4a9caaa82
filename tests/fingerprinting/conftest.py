"""Tiny raw datasets that are sound, into which a test plants its faults."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, write_raw_tables

GRID = Grid((6, 8, 10), (3.0, 1.0, 2.0), (-10.0, 5.0, 7.0))
CHANNELS = (Channel("T1c", "mri"), Channel("dose", "dose", unit="Gy"))


@dataclass
class Planted:
    """A dataset folder with two channels; `load` reads it as a command would."""

    folder: Path
    channels: tuple[Channel, ...] = CHANNELS
    cases: list[Case] = field(default_factory=list)
    ending: str = ".nii.gz"
    any_size: bool = True  # 8 mm along y

    def add(
        self, case_id: str, patient: str, label: str, split: str = "train", **more: str
    ) -> None:
        """Add a sound case."""
        self.cases.append(Case(case_id, patient, label, split, dict(more)))  # type: ignore[arg-type]
        rng = np.random.default_rng([*case_id.encode(), len(self.cases)])
        for index, channel in enumerate(self.channels):
            image = np.zeros(GRID.shape, dtype=np.float32)
            if channel.kind == "dose":
                falling = np.linspace(0.98, 0.1, image.shape[2])
                image += 60 * falling + rng.uniform(0, 0.5, GRID.shape)
                image.flat[0] = 60
            else:
                image[1:5, 2:7, 3:9] = rng.normal(100, 20, (4, 5, 6))
            self.put(case_id, index, image, split=split)

    def path(self, case_id: str, index: int, split: str = "train") -> Path:
        """File of a channel."""
        folder = "imagesTr" if split == "train" else "imagesTs"
        return self.folder / folder / f"{case_id}_{index:04d}{self.ending}"

    def use_ending(self, ending: str) -> None:
        """Convert all images to another format."""
        before, images = self.ending, sorted(self.folder.glob(f"images*/*{self.ending}"))
        for path in images:
            image = sitk.ReadImage(str(path))
            path.unlink()
            made = path.with_name(path.name.removesuffix(before) + ending)
            sitk.WriteImage(image, str(made), useCompression=ending in (".mha", ".nrrd"))
        self.ending = ending

    def put(
        self, case_id: str, index: int, image: np.ndarray, grid: Grid = GRID, split: str = "train"
    ) -> None:
        """Write (or replace) one channel."""
        write_image(self.path(case_id, index, split), image.astype(np.float32), grid)

    def load(self, order: Sequence[int] | None = None) -> RawDataset:
        """Write the tables, rows in the order asked for, and read the dataset."""
        cases = [self.cases[i] for i in order] if order is not None else self.cases
        dataset = Dataset(
            "Dataset900_Planted",
            self.channels,
            ("tumour", "RICE"),
            self.ending,
            allow_any_size=self.any_size,
        )
        write_raw_tables(self.folder, dataset, cases)
        return load_raw_dataset(self.folder)


@pytest.fixture
def planted(tmp_path: Path) -> Planted:
    """Four sound training cases of four patients and one test case."""
    made = Planted(tmp_path / "Dataset900_Planted")
    for number in range(4):
        made.add(f"case{number}", f"p{number}", ("tumour", "RICE")[number % 2])
    made.add("test0", "p9", "RICE", "test")
    return made
