"""What an input that is smaller than the patients cuts off."""

import pytest

from ricenet_v2.planning.input_size import cut_off, spacing_that_holds
from tests.planning.conftest import cohort

SHAPES = [(20, 20, 20), (40, 20, 20), (40, 40, 20), (16, 16, 16)]


def test_the_share_of_the_box_that_is_lost():
    cases = cohort([(shape, (2.0, 1.0, 1.0)) for shape in SHAPES])[0].cases
    # At 2 mm the boxes have 20 x 10 x 10, 40 x 10 x 10, 40 x 20 x 10 and 16 x 8 x 8 voxels.
    lost = cut_off(cases, (2.0, 2.0, 2.0), (20, 10, 10))
    assert lost == {"C0001": pytest.approx(1 / 2), "C0002": pytest.approx(3 / 4)}
    assert cut_off(cases, (2.0, 2.0, 2.0), (40, 20, 10)) == {}
    # Half a voxel is lost by rounding alone.
    assert "C0000" not in cut_off(cases, (2.0, 2.05, 2.05), (20, 10, 10))
    assert cut_off(cases, (2.0, 2.0, 2.0), (19, 9, 10))["C0000"] == pytest.approx(1 - 0.95 * 0.9)


def test_a_spacing_at_which_they_fit():
    cases = cohort([((40, 30, 20), (2.0, 1.0, 1.0))] * 5)[0].cases
    spacing = spacing_that_holds(cases, (2.0, 1.0, 1.0), (32, 16, 24))
    assert spacing == (2.5, 1.88, 1.0)
    assert cut_off(cases, spacing, (32, 16, 24)) == {}
