"""Whole images against scikit-image's `resize`, the function that nnU-Net calls."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage
from skimage.transform import resize
from threadpoolctl import threadpool_limits

from ricenet_v2.preprocessing.resample import new_shape, resample, resample_mask

CUBE = (1.0, 1.0, 1.0)
shapes = st.tuples(*[st.integers(1, 18)] * 3)


def noise(shape, seed=0, low=-50.0, high=150.0):
    return np.random.default_rng(seed).uniform(low, high, shape).astype(np.float32)


def reference(image, shape, order):
    """`resize` as nnU-Net calls it, on an image that was smoothed where it loses resolution."""
    image = image.astype(np.float64)
    sigma = [max(0.0, (have / want - 1) / 2) for have, want in zip(image.shape, shape, strict=True)]
    smooth = ndimage.gaussian_filter(image, sigma, mode="nearest")
    made = resize(smooth, shape, order, mode="edge", anti_aliasing=False, clip=False)
    return np.clip(made, image.min(), image.max())


def assert_same(made, expected, image):
    assert made.dtype == np.float32
    assert made.shape == expected.shape
    np.testing.assert_allclose(made, expected, rtol=0, atol=1e-5 * max(float(np.ptp(image)), 1e-3))


@settings(max_examples=150)
@given(shapes, shapes, st.sampled_from([("cubic", 3), ("linear", 1)]), st.integers(0, 999))
def test_any_shape_to_any_shape(have, want, rule, seed):
    interpolation, order = rule
    image = noise(have, seed)
    made = resample(image, want, interpolation, CUBE)
    assert_same(made, reference(image, want, order), image)


@pytest.mark.parametrize(
    "want", [(33, 41, 37), (40, 32, 29), (20, 19, 21), (1, 45, 27), (27, 32, 29)]
)
def test_axes_of_several_blocks(want):
    image = noise((27, 32, 29))
    assert_same(resample(image, want, "cubic", CUBE), reference(image, want, 3), image)


@pytest.mark.parametrize(
    ("have", "want"),
    [((12, 10, 11), (15, 14, 17)), ((9, 13, 8), (9, 13, 19)), ((7, 1, 5), (8, 3, 9))],
)
def test_gaining_resolution_is_nnunets_call_to_the_letter(have, want):
    image = noise(have)
    expected = resize(image.astype(float), want, 3, mode="edge", anti_aliasing=False)
    assert_same(resample(image, want, "cubic", CUBE), expected, image)


@given(shapes, shapes, st.integers(0, 999))
def test_nearest_is_exactly_the_reference(have, want, seed):
    labels = np.random.default_rng(seed).integers(0, 5, have).astype(np.float32)
    expected = resize(labels, want, 0, mode="edge", anti_aliasing=False)
    np.testing.assert_array_equal(resample(labels, want, "nearest", CUBE), expected)
    there = resample_mask(labels > 2, want)
    assert there.dtype == np.bool_
    np.testing.assert_array_equal(there, expected > 2)


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_an_axis_of_thick_slices_is_linear_after_cubic_planes(axis):
    have, want = [14, 13, 12], [17, 19, 18]
    have[axis], want[axis] = 5, 16
    image = noise(have)
    planes = [
        resize(
            plane.astype(float),
            np.delete(want, axis),
            3,
            mode="edge",
            anti_aliasing=False,
            clip=False,
        )
        for plane in np.moveaxis(image, axis, 0)
    ]
    between = np.moveaxis(np.stack(planes), 0, axis)
    expected = resize(between, want, 1, mode="edge", anti_aliasing=False, clip=False)
    spacing = [1.0, 1.0, 1.0]
    spacing[axis] = 3.5
    made = resample(image, tuple(want), "cubic", tuple(spacing))
    assert_same(made, np.clip(expected, image.min(), image.max()), image)
    spacing[axis] = 3.0
    together = resample(image, tuple(want), "cubic", tuple(spacing))
    assert_same(together, reference(image, want, 3), image)


@given(shapes, shapes, st.sampled_from(["cubic", "linear", "nearest"]), st.integers(0, 999))
def test_no_voxel_leaves_the_range(have, want, interpolation, seed):
    image = noise(have, seed, 0, 60)
    made = resample(image, want, interpolation, CUBE)
    assert made.min() >= image.min()
    assert made.max() <= image.max()


@given(
    shapes, shapes, st.sampled_from(["cubic", "linear", "nearest"]), st.floats(0, 3000, width=32)
)
def test_one_value_stays_that_value(have, want, interpolation, value):
    image = np.full(have, value, dtype=np.float32)
    assert (resample(image, want, interpolation, CUBE) == np.float32(value)).all()


@given(shapes, shapes, st.sampled_from(["cubic", "linear"]), st.sampled_from([0, 1, 2]))
def test_a_mirrored_image_gives_the_mirrored_result(have, want, interpolation, axis):
    image = noise(have)
    made = resample(np.flip(image, axis), want, interpolation, CUBE)
    np.testing.assert_allclose(
        np.flip(made, axis), resample(image, want, interpolation, CUBE), rtol=0, atol=1e-3
    )


def test_the_centre_of_mass_stays_where_it_is_in_millimetres():
    image = np.zeros((21, 17, 19))
    image[9, 8, 12] = 1
    image = ndimage.gaussian_filter(image, 1.5)
    want = (33, 12, 25)
    made = resample(image.astype(np.float32), want, "cubic", CUBE)
    before = (np.array(ndimage.center_of_mass(image)) + 0.5) / image.shape
    after = (np.array(ndimage.center_of_mass(made)) + 0.5) / want
    np.testing.assert_allclose(before, after, atol=2e-3)


def test_a_part_of_an_image_needs_no_copy_of_it():
    image = noise((20, 21, 22))
    part = image[3:17, 2:20, 5:19]
    for interpolation in ("cubic", "linear", "nearest"):
        for want in ((16, 18, 20), (14, 18, 20), (16, 18, 14), (14, 20, 14), (7, 18, 14)):
            made = resample(part, want, interpolation, CUBE)
            expected = resample(part.copy(), want, interpolation, CUBE)
            np.testing.assert_array_equal(made, expected)


def test_the_result_is_a_new_image_and_the_input_is_left_alone():
    image = noise((6, 7, 8))
    before = image.copy()
    for interpolation in ("cubic", "linear", "nearest"):
        for want in ((6, 7, 8), (9, 7, 8), (6, 9, 8), (4, 5, 6)):
            resample(image, want, interpolation, CUBE)[...] = 0
    np.testing.assert_array_equal(image, before)


def test_bits_do_not_depend_on_the_threads_of_blas():
    image = noise((40, 48, 44))
    made = []
    for threads in (1, 2, 4):
        with threadpool_limits(threads, user_api="blas"):
            made.append(resample(image, (50, 61, 55), "cubic", CUBE).tobytes())
    assert len(set(made)) == 1


@given(shapes, *[st.tuples(*[st.floats(0.3, 6)] * 3)] * 2)
def test_a_new_shape_covers_the_extent_to_half_a_voxel(shape, spacing, target):
    made = new_shape(shape, spacing, target)
    assert min(made) >= 1
    for n, s, m, t in zip(shape, spacing, made, target, strict=True):
        assert m == 1 or abs(n * s - m * t) <= 0.5 * t * (1 + 1e-9)
    assert new_shape(shape, spacing, spacing) == shape
