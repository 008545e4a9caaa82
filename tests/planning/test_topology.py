from __future__ import annotations

import pytest

from ricenet_v2.core.errors import PlanError
from ricenet_v2.planning.input_size import (
    margin_of,
    region_extent,
    region_size,
    rounded_up,
    with_margin,
)
from ricenet_v2.planning.topology import divisible, topology


def test_an_isotropic_cube_is_halved_down_to_less_than_8():
    stages = topology((64, 64, 64), (1.0, 1.0, 1.0))
    assert stages.strides == ((2, 2, 2),) * 4
    assert stages.kernels == ((3, 3, 3),) * 4
    assert stages.total_stride == (16, 16, 16)


def test_a_coarse_axis_waits_for_the_others():
    """By hand: in plane 1, 2, 4 mm; z (6 mm) is within twice the finest from 4 mm on."""
    stages = topology((16, 128, 128), (6.0, 1.0, 1.0))
    assert stages.strides == ((1, 2, 2), (1, 2, 2), (2, 2, 2), (2, 2, 2), (1, 2, 2))
    assert stages.kernels == ((1, 3, 3), (1, 3, 3), (3, 3, 3), (3, 3, 3), (3, 3, 3))


def test_a_short_axis_does_not_stop_the_others():
    stages = topology((6, 64, 32), (1.0, 1.0, 1.0))
    assert stages.total_stride == (1, 16, 8)


def test_a_tiny_cube_starts_at_full_resolution():
    stages = topology((16, 16, 16), (1.0, 1.0, 1.0))
    assert stages.strides == ((1, 1, 1), (2, 2, 2), (2, 2, 2))


def test_stages_can_be_limited():
    assert len(topology((512, 512, 512), (1.0,) * 3, most_stages=6).strides) == 6


@pytest.mark.parametrize(
    ("size", "stride", "expected"),
    [((30, 64, 65), (16, 16, 16), (32, 64, 80)), ((5, 7, 9), (1, 2, 4), (5, 8, 12))],
)
def test_sizes_are_rounded_up(size, stride, expected):
    assert divisible(size, stride) == expected


def test_the_region_is_the_95th_percentile_in_mm(make_cohort):
    cases = [((n, 50, 50), (2.0, 1.0, 1.0)) for n in range(1, 22)]
    # By hand: extents 2..42 mm, rank 0.95 * 20 = 19, so 40 mm: 40 voxels of 1 mm, 100 of 0.5 mm.
    extent = region_extent(make_cohort(cases)[0].cases)
    assert extent == pytest.approx((40.0, 50.0, 50.0))
    assert region_size(extent, (1.0, 0.5, 1.0)) == (40, 100, 50)
    assert with_margin((40, 100, 4)) == (42, 104, 5)
    assert margin_of((48, 96, 64), (40, 100, 50)) == (8, 0, 14)


def test_a_given_size_must_divide():
    assert rounded_up((30, 30, 30), (16, 8, 1), None) == (32, 32, 30)
    assert rounded_up((30, 30, 30), (16, 8, 1), (64, 64, 5)) == (64, 64, 5)
    with pytest.raises(PlanError, match="--input_size 112 104 100"):
        rounded_up((30, 30, 30), (16, 8, 1), (100, 100, 100))
