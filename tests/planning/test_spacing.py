from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.planning.spacing import (
    coarsened,
    exceeds,
    is_anisotropic,
    target_spacing,
    text_of,
    thin_axis,
)


def test_the_target_is_the_median_per_axis(make_cohort):
    cases = [((100,) * 3, (1.0, 0.5, 2.0)), ((90,) * 3, (3.0, 0.7, 1.0)), ((80,) * 3, (2.0, 9, 1))]
    target, why = target_spacing(make_cohort(cases)[0].cases)
    assert target == (2.0, 0.7, 1.0)
    assert why.value == "2 x 0.7 x 1 mm (z, y, x)"


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_coarse_short_axis_takes_its_10th_percentile(make_cohort, axis):
    def turned(first, others):
        triple = [others] * 3
        triple[axis] = first
        return tuple(triple)

    coarse = [4.0, 5.0, 6.0, 6.0, 6.0]
    cases = [(turned(24, 256), turned(value, 1.0)) for value in coarse]
    target, why = target_spacing(make_cohort(cases)[0].cases)
    # By hand: rank 0.1 * 4 = 0.4 between 4 and 5.
    assert target == pytest.approx(turned(4.4, 1.0))
    assert "10th percentile" in why.reason


def test_a_coarse_axis_with_many_voxels_keeps_its_median(make_cohort):
    cases = [((100, 256, 256), (value, 1.0, 1.0)) for value in (4.0, 6.0, 6.0)]
    target, why = target_spacing(make_cohort(cases)[0].cases)
    assert target == (6.0, 1.0, 1.0)
    assert "anisotropic" in why.reason


def test_three_times_as_coarse_is_not_yet_anisotropic(make_cohort):
    cases = [((10, 256, 256), (value, 1.0, 1.0)) for value in (1.0, 3.0, 3.0)]
    assert target_spacing(make_cohort(cases)[0].cases)[0] == (3.0, 1.0, 1.0)
    assert not is_anisotropic((3.0, 1.0, 1.0))
    assert is_anisotropic((1.0, 3.01, 1.0))
    assert not is_anisotropic((6.0, 3.0, 1.0))


def test_the_percentile_does_not_undercut_the_other_axes(make_cohort):
    coarse = [0.6, 0.6, *[6.0] * 8]
    assert np.percentile(coarse, 10) == pytest.approx(0.6)
    cases = [((20, 256, 256), (value, 1.0, 1.5)) for value in coarse]
    target, _ = target_spacing(make_cohort(cases)[0].cases)
    assert target == (1.5, 1.0, 1.5)


def test_an_axis_is_compared_with_the_coarsest_and_the_shortest_of_the_others(make_cohort):
    coarse = [2.0, 4.0, 4.0]
    cases = [((20, 256, 256), (value, 1.0, 2.0)) for value in coarse]
    target, why = target_spacing(make_cohort(cases)[0].cases)
    assert target == (4.0, 1.0, 2.0)  # 4 times one axis, but twice the other
    assert "anisotropic" not in why.reason
    cases = [((40, 100, 256), (value, 1.0, 1.0)) for value in coarse]
    target, why = target_spacing(make_cohort(cases)[0].cases)
    assert target == (4.0, 1.0, 1.0)  # under a third of 256 voxels, but not of 100
    assert "much coarser" in why.reason


def test_a_third_of_the_voxels_is_not_yet_short(make_cohort):
    for n_voxels, expected in ((33, 2.4), (34, 4.0), (35, 4.0)):
        cases = [((n_voxels, 102, 102), (value, 1.0, 1.0)) for value in (2.0, 4.0, 4.0)]
        target, _ = target_spacing(make_cohort(cases)[0].cases)
        assert target[0] == pytest.approx(expected)


def test_the_finest_axes_are_coarsened_first():
    assert coarsened((3.0, 1.0, 1.0)) == pytest.approx((3.0, 1.05, 1.05))
    assert coarsened((1.0, 1.2, 2.0)) == pytest.approx((1.05, 1.2, 2.0))
    assert text_of((6.5, 0.7812, 0.7812)) == "6.5 x 0.781 x 0.781 mm (z, y, x)"


def test_a_limit_does_not_hang_on_the_unit_of_length():
    """3 * 0.1 is 0.30000000000000004 in floating point."""
    assert not exceeds(3 * 0.1, 0.3)
    assert not exceeds(0.3, 3 * 0.1)
    assert exceeds(0.3001, 0.3)
    assert not is_anisotropic((3 * 0.1, 0.1, 0.1))


@pytest.mark.parametrize(
    ("spacing", "size", "axis"),
    [
        ((1, 1, 1), (48, 48, 48), None),
        ((1, 1, 1), (16, 48, 48), None),  # a third
        ((2, 2, 2), (3, 48, 48), 0),
        ((2, 2, 2), (48, 48, 5), 2),
        ((2, 1, 1), (12, 48, 48), 0),
        ((4, 1, 1), (5, 48, 48), None),  # much coarser: that axis by its spacing
    ],
)
def test_an_axis_is_thin_below_a_third_of_the_voxels_of_the_longest(spacing, size, axis):
    assert thin_axis(spacing, size) == axis
