"""Where the grey window of a compared image is taken."""

import tracemalloc

import numpy as np
import pytest
from scipy import ndimage

from ricenet_v2.reporting.conversion.compared import without_rim


def _ball(shape, radius, spacing):
    axes = np.meshgrid(*(s * (np.arange(n) - n // 2) for n, s in zip(shape, spacing, strict=True)),
                       indexing="ij")  # fmt: skip
    return sum(axis**2 for axis in axes) < radius**2


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (3.0, 1.5, 1.0)])
def test_six_millimetres_at_the_rim_are_left_out(spacing):
    region = _ball((25, 40, 50), 22.0, spacing)
    depth = ndimage.distance_transform_edt(region, sampling=spacing)
    core = without_rim(region, spacing)
    assert core[depth > 6 + max(spacing)].all()
    assert not core[depth <= 6 - max(spacing)].any()


def test_of_a_thin_region_all_is_taken():
    region = np.zeros((12, 12, 12), dtype=bool)
    region[4:7] = True
    assert np.array_equal(without_rim(region, (1.0, 1.0, 1.0)), region)


def test_it_takes_few_copies_of_the_region():
    region = _ball((64, 64, 64), 30.0, (1.0, 1.0, 1.0))
    tracemalloc.start()
    without_rim(region, (1.0, 1.0, 1.0))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5 * region.size
