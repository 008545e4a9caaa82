"""How far beyond the training cases a case may lie before it is told: by hand at each edge."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from ricenet_v2.inference.distribution_shift import outside
from ricenet_v2.inference.feature_reference import fit_reference


def reference(intensities=None, directions=()):
    features = np.random.default_rng(0).normal(size=(9, 3))
    return fit_reference(features, features, intensities or {}, directions)


@pytest.mark.parametrize(
    ("spacing", "is_told"),
    [(1.0, False), (2.0, False), (0.995, False), (2.01, False), (0.985, True), (2.03, True)],
)
def test_a_spacing_may_lie_a_hundredth_beyond_the_range(make_plan, make_record, spacing, is_told):
    plan = dataclasses.replace(make_plan(), spacing_range=((1.0, 1.0, 1.0), (2.0, 2.0, 2.0)))
    told = outside(plan, make_record(source_spacing=(1.5, spacing, 1.5)), [])
    assert bool(told) == is_told
    assert all(text.startswith(f"spacing of {spacing:.3g} mm along y") for text in told)


@pytest.mark.parametrize(
    ("maximum", "is_told"), [(45.5, False), (65.5, False), (44.5, True), (66.5, True)]
)
def test_a_dose_may_lie_a_tenth_beyond_the_range(make_plan, make_record, maximum, is_told):
    plan = dataclasses.replace(make_plan(), dose_range={"dose": (50.0, 60.0)})
    assert bool(outside(plan, make_record(dose_maximum={"dose": maximum}), [])) == is_told
    assert outside(plan, make_record(dose_maximum={"boost": maximum}), []) == []


@pytest.mark.parametrize(
    ("least", "most", "mean", "is_told"),
    [
        # A tenth of the largest of the range and both of its ends: 20, 10 and 100.
        *[(100.0, 200.0, 81.0, False), (100.0, 200.0, 219.0, False)],
        *[(100.0, 200.0, 79.0, True), (100.0, 200.0, 221.0, True)],
        *[(-50.0, 50.0, -59.0, False), (-50.0, 50.0, 59.0, False)],
        *[(-50.0, 50.0, -61.0, True), (-50.0, 50.0, 61.0, True)],
        *[(-1000.0, -900.0, -1099.0, False), (-1000.0, -900.0, -801.0, False)],
        *[(-1000.0, -900.0, -1101.0, True), (-1000.0, -900.0, -799.0, True)],
    ],
)
def test_an_intensity_may_lie_a_tenth_beyond_the_range(
    make_plan, make_record, least, most, mean, is_told
):
    made = [reference({"ct": (least, least + 1)}), reference({"ct": (least + 2, most)})]
    told = outside(make_plan(), make_record(intensity_mean={"ct": mean}), made)
    assert bool(told) == is_told


@pytest.mark.parametrize(("degrees", "is_told"), [(14.5, False), (15.5, True), (-15.5, True)])
def test_axes_may_be_turned_by_15_degrees(make_plan, make_record, degrees, is_told):
    def direction(angle):
        return tuple(Rotation.from_euler("x", angle, degrees=True).as_matrix().ravel())

    record = make_record(source_direction=direction(degrees))
    told = outside(make_plan(), record, [reference(directions=[direction(0)])])
    assert bool(told) == is_told
