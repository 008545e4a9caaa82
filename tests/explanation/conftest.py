"""A folder of two small patients, and an ensemble of two networks that were never trained."""

import dataclasses

import numpy as np
import pytest
import torch

from ricenet_v2.core.grid import Grid
from ricenet_v2.inference.ensemble import Ensemble
from ricenet_v2.network.build import build_network
from ricenet_v2.records.dataset import Case, Channel, Dataset
from ricenet_v2.records.plan_parts import Normalisation
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import write_raw_tables
from tests.small_work import the_same_charts


@pytest.fixture(autouse=True)
def _the_same_charts(monkeypatch):
    the_same_charts(monkeypatch.setattr)


GRID = Grid((16, 18, 17), (2.0, 3.0, 2.5), (-4.0, 5.0, 6.0))
KINDS = ("mri", "dose")


def _write(folder, case, seed):
    rng = np.random.default_rng(seed)
    places = np.stack(np.meshgrid(*map(np.arange, GRID.shape), indexing="ij"), axis=-1)
    away = np.linalg.norm((places - (8, 9, 8)) * GRID.spacing, axis=-1)
    brain = away < 15
    lesion = np.linalg.norm((places - (8, 8, 9)) * GRID.spacing, axis=-1) < 5
    mri = (rng.normal(100, 10, GRID.shape) + 60 * lesion) * brain
    dose = 60 / (1 + np.exp((away - 10) / 3))
    for n, image in enumerate((mri, dose)):
        write_image(folder / "imagesTs" / f"{case}_000{n}.nii.gz", image.astype(np.float32), GRID)
    for name, mask in (("brain", brain), ("lesion", lesion)):
        write_image(folder / "masksTs" / f"{case}_{name}.nii.gz", mask, GRID)


@pytest.fixture
def patients(tmp_path):
    """The raw folder."""
    folder = tmp_path / "Dataset904_Explained"
    channels = tuple(Channel(f"{kind}{n}", kind) for n, kind in enumerate(KINDS))
    rows = [Case(f"p{n}", f"p{n}", "first", "test", {"prescription_gy": "60"}) for n in range(2)]
    write_raw_tables(folder, Dataset(folder.name, channels, ("first", "second")), rows)
    for n in range(2):
        _write(folder, f"p{n}", n)
    return folder


@pytest.fixture
def ensemble(make_plan):
    """Two networks of batch norm, two stages."""
    plan = make_plan(KINDS, shape=(16, 16, 16), spacing=(2.0, 2.5, 2.5))
    schemes = {"mri": Normalisation("zscore"), "dose": Normalisation("divide", divisor=60)}
    network = dataclasses.replace(
        plan.network,
        features=(4, 6),
        blocks=(1, 1),
        strides=((2, 2, 2), (2, 2, 2)),
        kernel_sizes=((3, 3, 3), (3, 3, 3)),
        norm="batch",
    )
    made = [dataclasses.replace(one, normalisation=schemes[one.kind]) for one in plan.channels]
    plan = dataclasses.replace(plan, channels=tuple(made), network=network)
    dataset = Dataset(
        "Dataset904_Explained",
        tuple(Channel(one.name, one.kind) for one in plan.channels),
        ("first", "second"),
    )
    members = {}
    for fold in (0, 1):
        torch.manual_seed(fold)
        members[fold] = build_network(plan.network, 2, 2).eval()
    return Ensemble(plan, dataset, members, torch.device("cpu"), {"fold_0": "a", "fold_1": "b"})
