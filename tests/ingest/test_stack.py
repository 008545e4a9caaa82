"""Slices on a regular grid, and each reason why others are none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ricenet_v2.ingest.stack import Stack, stack_of

ANGLES = st.floats(-180, 180)


def _slices(n=5, spacing=2.0, angles=(0, 0, 0), origin=(10.0, -20.0, 30.0)):
    axes = Rotation.from_euler("xyz", angles, degrees=True).as_matrix().T
    positions = np.array(origin) + spacing * np.arange(n)[:, None] * axes[2]
    return positions, np.tile(axes[:2].ravel(), (n, 1))


@given(st.permutations(range(5)), st.tuples(ANGLES, ANGLES, ANGLES), st.floats(0.4, 8))
def test_slices_in_any_order_and_pose_lie_where_their_headers_say(order, angles, spacing):
    positions, orientations = _slices(5, spacing, angles)
    stack = stack_of(positions[order].round(6).tolist(), orientations.round(8).tolist())
    assert isinstance(stack, Stack)
    assert [order[at] for at in stack.order] == list(range(5))
    grid = stack.grid(3, 4, (1.5, 0.75))
    assert grid.shape == (5, 3, 4)
    row, column = orientations[0][:3], orientations[0][3:]
    for k, j, i in ((0, 0, 0), (4, 2, 3), (2, 1, 3)):
        # PS3.3 C.7.6.2.1.1: row's direction times column spacing times column index, and so on.
        expected = positions[k] + row * 0.75 * i + column * 1.5 * j
        assert grid.world((k, j, i)) == pytest.approx(expected, abs=1e-4)


def _gap(positions, orientations):
    return np.delete(positions, 2, 0), orientations[1:]


def _varying(positions, orientations):
    positions[3:] += [0, 0, 0.7]
    return positions, orientations


def _tilt(positions, orientations):
    return positions + np.arange(5)[:, None] * [0, 0.2, 0], orientations


def _bent(positions, orientations):
    return positions + np.array([0, 0, 1, 0, 0])[:, None] * [0, 0.5, 0], orientations


def _mixed(positions, orientations):
    orientations[1] = [1, 0, 0, 0, 0, -1]
    return positions, orientations


def _duplicate(positions, orientations):
    positions[1] = positions[3]
    return positions, orientations


def _skewed(positions, orientations):
    return positions, np.tile([1, 0, 0, 0.1, 0.99, 0], (5, 1))


def _single(positions, orientations):
    return positions[:1], orientations[:1]


@pytest.mark.parametrize(
    ("spoil", "kind", "got"),
    [
        (_gap, "gap", "4 mm after slice 2"),
        (_varying, "varying spacing", "2 to 2.7 mm"),
        (_tilt, "tilt", "5.71 degrees"),
        (_bent, "sideways shift", "0.5 mm"),
        (_mixed, "mixed orientation", "1 of 5"),
        (_duplicate, "duplicate", "1 of 5"),
        (_skewed, "bad orientation", "0.1"),
        (_single, "one slice", "1"),
    ],
)
def test_what_is_no_volume_is_named(spoil, kind, got):
    positions, orientations = spoil(*_slices())
    fault = stack_of(positions.tolist(), orientations.tolist())
    assert fault.kind == kind
    assert got in fault.got


def test_a_slice_without_position_is_counted():
    positions, orientations = _slices()
    fault = stack_of([*positions[:4].tolist(), []], orientations.tolist())
    assert (fault.kind, fault.got) == ("no position", "1 of 5 slices without")


def test_positions_that_a_scanner_rounded_are_regular():
    """0.625 mm written with one decimal: steps of 0.6 and 0.7 mm, slices at most 0.05 mm off."""
    positions, orientations = _slices(20, 0.625)
    stack = stack_of(positions.round(1).tolist(), orientations.tolist())
    assert isinstance(stack, Stack)
    assert stack.spacing == pytest.approx(0.625, abs=0.006)


def test_of_slices_a_tenth_of_a_millimetre_apart_a_missing_one_is_a_gap():
    positions = [[0, 0, z] for z in (0, 0.1, 0.2, 0.4)]
    fault = stack_of(positions, [[1, 0, 0, 0, 1, 0]] * 4)
    assert (fault.kind, fault.got) == ("gap", "0.2 mm after slice 3")


def test_axes_of_rounded_headers_stand_at_right_angles():
    orientation = [1, 0, 0, 0.0009, 1, 0.0004]
    stack = stack_of([[0, 0, z] for z in range(4)], [orientation] * 4)
    np.testing.assert_allclose(stack.axes @ stack.axes.T, np.eye(3), atol=1e-12)
    np.testing.assert_allclose(stack.axes, np.eye(3), atol=1e-3)
    assert stack.axes[0].tolist() == [1, 0, 0]
