"""The image that says nothing, channel by channel."""

import numpy as np
import pytest
from scipy import ndimage

from ricenet_v2.explanation.attribution_baseline import (
    description_of,
    reference_of,
)

STEP = (4.0, 2.0, 1.0)
SIGMA = (3.0, 6.0, 12.0)
"""12 mm, in voxels of that step."""


@pytest.fixture
def array():
    return np.random.default_rng(0).normal(size=(3, 9, 10, 24)).astype(np.float32)


def test_images_are_blurred_by_12_mm_and_there_is_no_dose_and_no_mask(make_plan, array):
    plan = make_plan(("mri", "dose", "mask"))
    found = reference_of(array, plan, STEP)
    blurred = ndimage.gaussian_filter(array[0], SIGMA, mode="nearest")
    np.testing.assert_allclose(found[0], blurred, atol=1e-6)
    assert not found[1:].any()
    assert description_of(plan) == "MRI blurred by 12 mm, dose 0 Gy, mask 0"


def test_a_dose_is_blurred_where_nothing_shows_the_patient(make_plan, array):
    plan = make_plan(("dose", "mask"))
    found = reference_of(array[:2], plan, STEP)
    blurred = ndimage.gaussian_filter(array[0], SIGMA, mode="nearest")
    np.testing.assert_allclose(found[0], blurred, atol=1e-6)
    assert not found[1].any()
    assert description_of(plan) == "dose blurred by 12 mm, mask 0"


def test_a_channel_that_is_missing_stays_missing(make_plan, array):
    array[0] = np.nan
    found = reference_of(array, make_plan(("mri", "pet", "dose")), STEP)
    assert np.isnan(found[0]).all()
    assert np.isfinite(found[1:]).all()
    assert found[1].any()
