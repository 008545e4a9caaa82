"""The box around the voxels of a mask."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.voxels.boxes import bounding_box, patient_box


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


def test_the_box_of_the_patient_ends_at_the_faces_of_voxels_and_the_margin():
    mask = np.zeros((5, 6, 7), dtype=bool)
    mask[1:3, 2:5, 3] = True
    grid = Grid((5, 6, 7), (4.0, 2.0, 1.0), (10.0, 20.0, 30.0))
    low, high = patient_box(mask, grid)
    assert low == (10 + 2.5, 20 + 1.5 * 2, 30 + 0.5 * 4)
    assert high == (10 + 3.5, 20 + 4.5 * 2, 30 + 2.5 * 4)
    wide = patient_box(mask, grid, 5.0)
    assert wide == (tuple(mm - 5 for mm in low), tuple(mm + 5 for mm in high))


def test_the_box_of_a_tilted_voxel_holds_its_corners():
    turn = Rotation.from_euler("xyz", (10, -20, 30), degrees=True).as_matrix()
    grid = Grid((3, 3, 3), (4.0, 2.0, 1.0), (1.0, 2.0, 3.0), tuple(turn.ravel()))
    mask = np.zeros((3, 3, 3), dtype=bool)
    mask[2, 1, 0] = True
    ends = np.array([(z, y, x) for z in (1.5, 2.5) for y in (0.5, 1.5) for x in (-0.5, 0.5)])
    corners = grid.positions(ends)
    low, high = patient_box(mask, grid)
    np.testing.assert_allclose(low, corners.min(axis=0))
    np.testing.assert_allclose(high, corners.max(axis=0))
