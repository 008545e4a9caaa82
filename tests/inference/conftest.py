"""Patients of four channels whose zero margins differ, and a network that keeps its input."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.network.build import build_network
from ricenet_v2.preprocessing.cohort import preprocess_dataset
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.store import checkpoints
from ricenet_v2.store.images import write_image
from ricenet_v2.store.paths import ModelPaths
from ricenet_v2.store.raw import RawDataset, load_raw_dataset, write_raw_tables
from ricenet_v2.training.settings import with_channels

GRID = Grid((16, 18, 17), (3.0, 2.0, 2.5), (-4.0, 5.0, 6.0))
CASES = ("p0", "p1")
SCHEMES = {
    "mri": Normalisation("zscore"),
    "ct": Normalisation("clip_zscore", clip_low=-50, clip_high=80, mean=10, std=30),
    "dose": Normalisation("divide", divisor=70),
}
KINDS = ("mri", "ct", "mri", "dose")


class Keeper(nn.Module):
    """A network that keeps the last batch it was shown."""

    def __init__(self) -> None:
        super().__init__()
        self.shown = torch.zeros(())

    def forward(self, batch: torch.Tensor) -> torch.Tensor:
        """Both classes are as probable."""
        self.shown = batch
        return torch.zeros(len(batch), 2)


@dataclass
class Patients:
    """Raw cases, the same preprocessed as training reads them, and models of some channels."""

    raw: RawDataset
    plan: Plan
    preprocessed: Path
    keeper: Keeper = field(default_factory=Keeper)

    @property
    def images(self) -> Path:
        """Folder of the files to predict."""
        return self.raw.folder / "imagesTr"

    def names(self, indices: Sequence[int]) -> list[str]:
        """Of channels."""
        return [self.raw.dataset.channels[index].name for index in indices]

    def model(self, indices: Sequence[int]) -> Ensemble:
        """An ensemble that sees only some channels."""
        plan = with_channels(self.plan, self.names(indices))
        cpu = torch.device("cpu")
        return Ensemble(plan, self.raw.dataset, {0: self.keeper.eval()}, cpu, {"fold_0": "hash"})

    def shown(self) -> np.ndarray:
        """What the network saw last."""
        return self.keeper.shown[0].numpy()


def _images_of(seed: int) -> np.ndarray:
    """Two MRI and a CT, each 0 in a margin of its own, and a dose everywhere."""
    rng = np.random.default_rng(seed)
    made = np.zeros((4, *GRID.shape), dtype=np.float32)
    made[0, 4:12, 5:12, 5:13] = rng.normal(400, 60, (8, 7, 8))
    made[1, 3 + seed : 10, 6:14, 4:11] = rng.normal(20, 40, (7 - seed, 8, 7))
    made[2, 5:13, 4:13, 2:10] = rng.normal(900, 80, (8, 9, 8))
    made[3] = rng.uniform(1, 60, GRID.shape)
    return made


@pytest.fixture
def make_patients(tmp_path: Path, make_plan: Callable[..., Plan]) -> Callable[..., Patients]:
    """A function that writes patients, with brain masks or without."""

    def make(*, masks: bool = False) -> Patients:
        folder = tmp_path / "Dataset903_Margins"
        channels = tuple(Channel(f"{kind}{i}", kind) for i, kind in enumerate(KINDS))
        cases = [Case(case, case, ("first", "second")[n]) for n, case in enumerate(CASES)]
        write_raw_tables(folder, Dataset(folder.name, channels, ("first", "second")), cases)
        for number, case in enumerate(CASES):
            for index, image in enumerate(_images_of(number)):
                write_image(folder / "imagesTr" / f"{case}_{index:04d}.nii.gz", image, GRID)
            if masks:
                brain = np.zeros(GRID.shape, dtype=np.uint8)
                brain[5:11, 6:13, 3 + number : 10] = 1
                write_image(folder / "masksTr" / f"{case}_brain.nii.gz", brain, GRID)
        plan = make_plan(KINDS, shape=(16, 14, 18), spacing=(2.0, 2.0, 2.0))
        planned = [
            dataclasses.replace(channel, normalisation=SCHEMES[channel.kind])
            for channel in plan.channels
        ]
        plan = dataclasses.replace(plan, channels=tuple(planned))
        raw = load_raw_dataset(folder)
        assert preprocess_dataset(raw, plan, tmp_path / "preprocessed").done == CASES
        return Patients(raw, plan, tmp_path / "preprocessed")

    return make


@pytest.fixture
def make_record() -> Callable[..., PreprocessedCase]:
    """A function that makes what stands beside a case; further arguments are its fields."""

    def make(**changes: object) -> PreprocessedCase:
        ones, zeros = (1.0, 1.0, 1.0), (0, 0, 0)
        fields = {
            "case_id": "a",
            "shape": (1, 16, 12, 20),
            "source_grid_shape": (16, 12, 20),
            "source_spacing": ones,
            "source_origin": ones,
            "source_direction": (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0),
            "crop_start": zeros,
            "crop_stop": (16, 12, 20),
            "region": "whole image",
            "dose_maximum": {},
            "warnings": (),
            "inputs_hash": "",
        }
        return PreprocessedCase(**{**fields, **changes})

    return make


@pytest.fixture
def model(tmp_path: Path, make_plan: Callable[..., Plan]) -> ModelPaths:
    """A model of two tiny folds, of which a test may spoil one."""
    plan = make_plan(("mri",), shape=(8, 8, 8))
    dataset = Dataset(plan.dataset, (Channel("mri0", "mri"),), plan.classes)
    made = ModelPaths(tmp_path / "model")
    for fold in (0, 1):
        torch.manual_seed(fold)
        network = build_network(plan.network, 1, 2)
        state = {
            "inference_weights": network.state_dict(),
            "plan": documents.to_text(plan),
            "dataset": documents.to_text(dataset),
            "fold": fold,
        }
        checkpoints.save(made.fold(fold).final, state)
    return made
