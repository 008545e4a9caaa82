"""Dose statistics by hand."""

import numpy as np
import pytest

from ricenet_v2.evaluation.tabular.dose import depth, statistics

SPACING = (2.0, 1.0, 1.0)


def test_statistics_of_a_lesion_are_worked_by_hand():
    dose = np.zeros((3, 10, 10), dtype=np.float32)
    dose[1] = np.arange(100).reshape(10, 10) * 0.6
    lesion = np.zeros_like(dose, dtype=bool)
    lesion[1, 5:] = True  # 30.0, 30.6, ... 59.4 Gy
    found = statistics(dose, SPACING, lesion, prescription=60.0)
    assert found["Dmean"] == pytest.approx(44.7)
    assert found["D2"] == pytest.approx(np.percentile(np.arange(50, 100) * 0.6, 98))
    assert found["D98"] == pytest.approx(np.percentile(np.arange(50, 100) * 0.6, 2))
    assert found["V50"] == pytest.approx(np.mean(np.arange(50, 100) * 0.6 >= 50))
    assert found["V57"] == pytest.approx(np.mean(np.arange(50, 100) * 0.6 >= 57))
    assert found["V60"] == 0


def test_the_high_dose_region_stands_in_for_a_lesion():
    dose = np.full((4, 8, 8), 10, dtype=np.float32)
    dose[:, 2:6, 2:6] = 60
    found = statistics(dose, SPACING, None, prescription=60.0)
    assert (found["Dmean"], found["V60"]) == (60, 1)
    without = statistics(dose, SPACING, None, prescription=None)
    assert without == found  # the 99.9 percentile is 60 Gy too


def test_voxels_of_just_the_level_belong_to_what_it_bounds():
    """80 % and 95 % of 60 Gy are 48 and 57 Gy; of the region, two voxels in ten have 50 or more."""
    dose = np.zeros((1, 1, 30), dtype=np.float32)
    dose[..., :10] = 48
    dose[..., 0], dose[..., 1] = 50, 57
    found = statistics(dose, SPACING, None, prescription=60.0)
    assert found["Dmean"] == pytest.approx((8 * 48 + 50 + 57) / 10)
    assert (found["V50"], found["V57"], found["V60"]) == (0.2, 0.1, 0)
    lesion = np.zeros_like(dose, dtype=bool)
    lesion[..., 1] = True
    found = statistics(dose, SPACING, lesion, prescription=60.0)
    assert found["distance_95"] == 0.5


def test_depth_is_measured_in_millimetres_from_the_border():
    volume = np.zeros((5, 9, 9), dtype=bool)
    volume[:, :, :4] = True
    found = depth(volume, SPACING)
    np.testing.assert_allclose(found[2, 4], [3.5, 2.5, 1.5, 0.5, -0.5, -1.5, -2.5, -3.5, -4.5])
    assert np.isnan(depth(np.ones((2, 2, 2), dtype=bool), SPACING)).all()


def test_a_lesion_farther_from_the_isodose_has_a_lower_distance():
    dose = np.zeros((4, 20, 20), dtype=np.float32)
    dose[:, :, :10] = 60
    near, far = (np.zeros_like(dose, dtype=bool) for _ in range(2))
    near[:, :, 11:13] = True
    far[:, :, 16:18] = True
    values = [statistics(dose, SPACING, each, 60.0)["distance_95"] for each in (near, far)]
    assert values == pytest.approx([-2.0, -7.0])


def test_an_empty_region_has_no_statistics():
    empty = np.zeros((2, 3, 3), dtype=bool)
    found = statistics(np.ones((2, 3, 3), dtype=np.float32), SPACING, empty, 60.0)
    assert all(np.isnan(value) for value in found.values())
