"""What each scheme makes of a channel."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy import stats

from ricenet_v2.core.errors import PlanError
from ricenet_v2.preprocessing.normalise import normalise
from ricenet_v2.records.plan_parts import Normalisation

SHAPE = (4, 5, 6)
ZSCORE = Normalisation("zscore")
voxels = arrays.arrays(
    np.float32, SHAPE, elements=st.floats(-100, 100, width=32, allow_subnormal=False)
)
everywhere = np.ones(SHAPE, dtype=np.bool_)


@pytest.mark.parametrize("offset", [0.0, 2000.0])
def test_zscore_is_scipys_inside_and_zero_outside(offset):
    rng = np.random.default_rng(1)
    image = (rng.normal(3, 7, SHAPE) + offset).astype(np.float32)
    inside = rng.random(SHAPE) < 0.6
    made = normalise(image.copy(), inside, ZSCORE)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[inside], stats.zscore(image[inside].astype(float)), atol=1e-3)
    assert not made[~inside].any()


@pytest.mark.parametrize("unit", [1e-3, 1e-9])
def test_zscore_is_scipys_where_the_unit_makes_values_small(unit):
    diffusion = np.random.default_rng(2).normal(0.8, 0.3, SHAPE)
    made = normalise((diffusion * unit).astype(np.float32), everywhere, ZSCORE)
    np.testing.assert_allclose(made, stats.zscore(diffusion, axis=None), atol=1e-3)


@given(voxels, st.floats(0.5, 50), st.floats(-40, 40))
def test_zscore_does_not_know_the_scanners_scale(image, factor, offset):
    if image.std() < 1:
        image = image + np.arange(image.size, dtype=np.float32).reshape(SHAPE)
    scaled = (image * factor + offset).astype(np.float32)
    before, after = (normalise(each.copy(), everywhere, ZSCORE) for each in (image, scaled))
    np.testing.assert_allclose(before, after, atol=2e-3)


def test_an_image_of_one_value_becomes_zero_not_nan():
    for value in (5, 1e-9, 0):
        assert not normalise(np.full(SHAPE, value, dtype=np.float32), everywhere, ZSCORE).any()


@given(voxels, st.floats(1, 100))
def test_a_dose_is_its_gray_over_the_divisor_whatever_stands_beside_it(image, divisor):
    image[0, 0, 0] = 30
    made = normalise(image.copy(), everywhere, Normalisation("divide", divisor=divisor))
    assert made[0, 0, 0] == pytest.approx(30 / divisor, rel=1e-6)
    assert made.min() >= 0
    np.testing.assert_allclose(made * divisor, np.where(image > 0, image, 0), atol=1e-4)


def test_clip_zscore_by_hand():
    plan = Normalisation("clip_zscore", clip_low=-50, clip_high=150, mean=50, std=25)
    image = np.array([[[-1000, -50, 50, 75, 150, 3000]]], dtype=np.float32)
    made = normalise(image, np.ones(image.shape, dtype=np.bool_), plan)
    assert made.tolist() == [[[-4, -4, 0, 1, 4, 4]]]


def test_none_changes_nothing():
    image = np.random.default_rng(2).normal(size=SHAPE).astype(np.float32)
    made = normalise(image.copy(), ~everywhere, Normalisation("none"))
    np.testing.assert_array_equal(made, image)


@pytest.mark.parametrize(
    ("plan", "missing"),
    [
        (Normalisation("divide"), "divisor"),
        (Normalisation("clip_zscore", clip_low=0, mean=1), "clip_high, std"),
    ],
)
def test_a_scheme_without_its_constants_says_which(plan, missing):
    with pytest.raises(PlanError, match=f"nothing for {missing}"):
        normalise(np.zeros(SHAPE, dtype=np.float32), everywhere, plan)
