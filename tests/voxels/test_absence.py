from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core.errors import MissingChannelError
from ricenet_v2.records.region import RegionPlan
from ricenet_v2.voxels.absence import absent_channels, stacked
from ricenet_v2.voxels.region import case_region


def _head(radius: float) -> np.ndarray:
    z, y, x = np.indices((20, 20, 20)) - 9.5
    return np.where(z**2 + y**2 + x**2 < radius**2, 100.0, 0.0).astype(np.float32)


def test_a_channel_that_is_none_is_the_one_that_is_absent():
    images = stacked([_head(5), None, _head(6)])
    assert absent_channels(images) == (1,)
    assert stacked(images) is images
    images[1, 3, 3, 3] = 1
    assert absent_channels(images) == ()
    with pytest.raises(MissingChannelError, match="All channels"):
        stacked([None, None])


@pytest.mark.parametrize("plan", [None, RegionPlan("head")])
def test_a_missing_channel_decides_nothing_of_the_region(plan):
    kinds, spacing = ("mri", "mri", "dose"), (9.0, 9.0, 9.0)
    dose = np.full((20, 20, 20), 60, np.float32)
    with_gap = case_region(stacked([None, _head(6), dose]), kinds, spacing, plan, None)
    alone = case_region(stacked([_head(6), dose]), kinds[1:], spacing, plan, None)
    assert with_gap.box == alone.box
    assert with_gap.name == alone.name
    np.testing.assert_array_equal(with_gap.inside, alone.inside)
