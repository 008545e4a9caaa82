"""A made-up scan: a head with a bright lesion and a round dose."""

import numpy as np
import pytest

from ricenet_v2.core.grid import Grid
from ricenet_v2.records.dataset import Channel
from ricenet_v2.reporting.case.scan import DisplayedCase

SHAPE, SPACING = (30, 36, 24), (2.0, 1.5, 2.5)
HOTTEST = (12, 20, 17)
CHANNELS = (
    Channel("T1c_event", "mri"),
    Channel("dose", "dose", unit="Gy"),
)


def distance(point, shape=SHAPE, spacing=SPACING):
    """Millimetres of every voxel from a voxel."""
    grids = np.meshgrid(*(np.arange(n) for n in shape), indexing="ij")
    parts = [((at - where) * mm) ** 2 for at, where, mm in zip(grids, point, spacing, strict=True)]
    return np.sqrt(sum(parts))


@pytest.fixture
def scan():
    """Dose 60 Gy less 2 Gy per mm from `HOTTEST`, lesion within 6 mm of it."""
    away = distance(HOTTEST)
    head = distance((15, 18, 12)) < 26
    mri = np.where(head, 200.0, 0.0).astype(np.float32)
    mri[away < 6] = 800.0
    dose = np.clip(60 - 2 * away, 0, None).astype(np.float32)
    return DisplayedCase(
        CHANNELS, (mri, dose), Grid(SHAPE, SPACING, (-30.0, -27.0, -30.0)), away < 6
    )
