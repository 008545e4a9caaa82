import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ricenet_v2.core.errors import GeometryError
from ricenet_v2.explanation.occlusion.windows import Windows, box_totals, lay_windows

SIDES = st.tuples(*[st.integers(3, 9)] * 3)


@settings(max_examples=50, deadline=None)
@given(shape=SIDES, seed=st.integers(0, 1000), data=st.data())
def test_the_average_is_that_of_all_windows_that_hold_a_voxel(shape, seed, data):
    random = np.random.default_rng(seed)
    size = tuple(data.draw(st.integers(1, n)) for n in shape)
    starts = random.integers(0, np.array(shape) - size + 1, (5, 3))
    values = random.normal(size=5)
    total, count = np.zeros(shape), np.zeros(shape)
    for (z, y, x), value in zip(starts, values, strict=True):
        box = np.s_[z : z + size[0], y : y + size[1], x : x + size[2]]
        total[box] += value
        count[box] += 1
    found = Windows(size, starts, shape).average(values)
    assert np.isnan(found[count == 0]).all()
    there = count > 0
    np.testing.assert_allclose(found[there], total[there] / count[there], atol=1e-12)


def test_totals_of_boxes_are_sums_of_their_voxels():
    image = np.random.default_rng(0).normal(size=(6, 7, 8))
    starts, stops = (
        np.array([[0, 0, 0], [2, 3, 4], [1, 1, 1]]),
        np.array([[6, 7, 8], [3, 7, 6], [1, 4, 4]]),
    )
    expected = [image[tuple(map(slice, a, b))].sum() for a, b in zip(starts, stops, strict=True)]
    np.testing.assert_allclose(box_totals(image, starts, stops), expected, atol=1e-12)


def test_lengths_in_mm_become_voxels_axis_by_axis():
    windows = lay_windows(np.ones((8, 16, 20), bool), (3.0, 1.0, 0.5), 6.0, 2.0)
    assert windows.size == (2, 6, 12)
    assert [sorted(set(axis.tolist())) for axis in windows.starts.T] == [
        [0, 1, 2, 3, 4, 5, 6],
        [0, 2, 4, 6, 8, 10],
        [0, 4, 8],
    ]


def test_a_window_has_the_number_of_voxels_that_is_nearest():
    """12 mm of 1.4, 1.7 and 5 mm are 8.6, 7.1 and 2.4 voxels."""
    region = np.ones((20, 20, 20), dtype=bool)
    assert lay_windows(region, (1.4, 1.7, 5.0), 12, 12).size == (9, 7, 2)


def test_a_window_has_at_least_one_voxel():
    assert lay_windows(np.ones((2, 2, 2), bool), (5.0, 5.0, 5.0), 1.0, 1.0).size == (1, 1, 1)


@settings(max_examples=50, deadline=None)
@given(shape=SIDES, window=st.integers(1, 3), stride=st.integers(1, 3), seed=st.integers(0, 99))
def test_windows_hold_all_of_the_region_and_each_touches_it(shape, window, stride, seed):
    region = np.random.default_rng(seed).random(shape) < 0.1
    region.flat[seed % region.size] = True
    windows = lay_windows(region, (1.0, 1.0, 1.0), window, min(stride, window))
    assert not np.isnan(windows.average(np.ones(len(windows)))[region]).any()
    for number in range(len(windows)):
        assert region[windows.slices(number)[1:]].any()


def test_the_last_window_ends_with_the_image():
    windows = lay_windows(np.ones((4, 4, 7), bool), (1.0, 1.0, 1.0), 4.0, 2.0)
    assert windows.starts[:, 2].tolist() == [0, 2, 3]


@pytest.mark.parametrize(
    ("region", "window", "stride", "match"),
    [
        (np.zeros((8, 8, 8), bool), 4, 2, "no voxel inside the image"),
        (np.ones((8, 8, 4), bool), 5, 2, "larger than the image"),
        (np.ones((8, 8, 8), bool), 4, 5, "leaves gaps"),
    ],
)
def test_what_does_not_fit_is_refused_in_words(region, window, stride, match):
    with pytest.raises(GeometryError, match=match):
        lay_windows(region, (1.0, 1.0, 1.0), window, stride)
