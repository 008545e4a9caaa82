"""The box around the voxels of a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.voxels.boxes import bounding_box


def test_an_empty_mask_has_no_box() -> None:
    with pytest.raises(DatasetError, match="no bounding box"):
        bounding_box(np.zeros((2, 2, 2), dtype=bool))


@given(st.lists(st.tuples(*[st.integers(0, 5)] * 3), min_size=1, max_size=10))
def test_the_box_is_that_of_scipy(points: list[tuple[int, int, int]]) -> None:
    mask = np.zeros((6, 6, 6), dtype=bool)
    mask[tuple(np.transpose(points))] = True
    (expected,) = ndimage.find_objects(mask.astype(np.int8))
    start, stop = bounding_box(mask)
    assert tuple(slice(a, b) for a, b in zip(start, stop, strict=True)) == expected
