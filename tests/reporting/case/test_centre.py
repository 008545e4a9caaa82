"""Where the planes of a case cross."""

import dataclasses

import numpy as np

from ricenet_v2.core.grid import Grid
from ricenet_v2.reporting.case.centre import ViewCentre, find_centre
from tests.reporting.case.conftest import HOTTEST, SHAPE


def test_the_middle_of_the_lesion(scan):
    found = find_centre(scan)
    assert found.index == HOTTEST
    assert "lesion" in found.why


def test_a_hollow_lesion_is_met_all_the_same(scan):
    ring = scan.lesion.copy()
    ring[HOTTEST] = False
    ring[:, :, HOTTEST[2] - 1 : HOTTEST[2] + 2] &= ~_core(ring)
    found = find_centre(dataclasses.replace(scan, lesion=ring))
    assert ring[found.index]


def _core(mask):
    z, y, _ = HOTTEST
    core = np.zeros(mask.shape[:2], bool)
    core[z - 1 : z + 2, y - 1 : y + 2] = True
    return core[:, :, None]


def test_the_dose_maximum_where_there_is_no_lesion(scan):
    for lesion in (None, np.zeros(SHAPE, bool)):
        found = find_centre(dataclasses.replace(scan, lesion=lesion))
        assert found.index == HOTTEST
        assert found.why == "the dose maximum"


def test_the_middle_of_the_image_where_there_is_neither(scan):
    bare = dataclasses.replace(
        scan, lesion=None, voxels=(scan.voxels[0], np.zeros(SHAPE, np.float32))
    )
    assert find_centre(bare).index == (15, 18, 12)


def test_a_point_is_told_by_the_sides_of_the_patient():
    grid = Grid((5, 6, 7), (4.0, 3.0, 2.0), (-10.0, 2.0, -40.0))
    centre = ViewCentre((1, 2, 3), "the dose maximum")
    assert centre.where(grid) == "the dose maximum (R 4.0, P 8.0, I 36.0 mm)"


def test_a_turned_grid_changes_the_sides():
    turned = (-1.0, 0.0, 0.0, 0.0, -1.0, 0.0, 0.0, 0.0, 1.0)
    grid = Grid((5, 6, 7), (4.0, 3.0, 2.0), (0.0, 0.0, -4.02), turned)
    assert ViewCentre((1, 2, 3), "it").where(grid) == "it (R 6.0, A 6.0, S 0.0 mm)"
