import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.core.grid import Grid

ROTATED = (0.8, -0.6, 0.0, 0.6, 0.8, 0.0, 0.0, 0.0, 1.0)


def test_world_follows_a_hand_worked_case():
    grid = Grid((4, 5, 6), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), ROTATED)
    # index (z 1, y 2, x 3): steps (x 3 mm, y 4 mm, z 3 mm), turned by the cosines.
    expected = (10 + 0.8 * 3 - 0.6 * 4, 20 + 0.6 * 3 + 0.8 * 4, 33)
    np.testing.assert_allclose(grid.world((1, 2, 3)), expected)


@given(st.integers(0, 2), st.integers(0, 2), st.integers(0, 2))
def test_a_crop_stays_where_it_was(z, y, x):
    grid = Grid((6, 7, 8), (3.0, 2.0, 1.0), (10.0, 20.0, 30.0), ROTATED)
    cropped = grid.crop((z, y, x), (6, 7, 8))
    np.testing.assert_allclose(cropped.world((1, 1, 1)), grid.world((z + 1, y + 1, x + 1)))
    assert cropped.shape == (6 - z, 7 - y, 8 - x)


def test_distance_is_that_of_the_farthest_corner():
    grid = Grid((11, 11, 11), (1.0, 1.0, 1.0))
    assert grid.distance(Grid((11, 11, 11), (1.0, 1.0, 1.1))) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("other", "is_one"),
    [
        (Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.09)), True),
        (Grid((4, 4, 4), (1.0, 1.0, 1.0), (0.0, 0.0, 0.11)), False),
        (Grid((4, 4, 4), (1.0, 1.03, 1.0)), True),
        (Grid((4, 4, 4), (1.0, 1.04, 1.0)), False),
        (Grid((4, 4, 5), (1.0, 1.0, 1.0)), False),
        (Grid((4, 4, 4), (1.0, 1.0, 1.0), direction=(-1.0, 0, 0, 0, 1.0, 0, 0, 0, 1.0)), False),
    ],
)
def test_one_grid_is_shape_and_a_tenth_of_a_millimetre(other, is_one):
    grid = Grid((4, 4, 4), (1.0, 1.0, 1.0))
    assert grid.matches(other) is other.matches(grid) is is_one


@pytest.mark.parametrize(
    "wrong",
    [
        {"shape": (0, 1, 1)},
        {"spacing": (1.0, -1.0, 1.0)},
        {"spacing": (1.0, float("nan"), 1.0)},
        {"direction": (1.0, 0, 0, 1.0, 0, 0, 0, 0, 1.0)},
    ],
)
def test_degenerate_grids_are_refused(wrong):
    with pytest.raises(GeometryError):
        Grid(**{"shape": (2, 2, 2), "spacing": (1.0, 1.0, 1.0), **wrong})
