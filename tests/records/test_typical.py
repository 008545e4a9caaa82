import numpy as np
import pytest

from ricenet_v2.records.typical import factor_of, sizes_of, usual_range


def test_a_cohort_that_hardly_differs_allows_a_factor():
    assert usual_range([100.0] * 9 + [900.0], 1.5) == pytest.approx((100 / 1.5, 150))
    assert usual_range([100.0] * 9, 1.5) is None
    assert usual_range([100.0] * 9 + [0.0, -1.0], 1.5) is None


def test_a_cohort_that_differs_allows_five_deviations():
    # Logarithms 0, 0.1 ... 1: median 0.5, median absolute deviation 0.3, times 1.4826 times 5.
    values = np.exp(np.arange(11) / 10).tolist()
    low, high = usual_range(values, 1.5)
    assert np.log([low, high]) == pytest.approx([0.5 - 2.2239, 0.5 + 2.2239])


def test_quantities_of_a_case():
    sizes = sizes_of((160.0, 200.0, 180.0), (5.0, 1.0, 0.9), 1400.0, "brain mask")
    assert sizes["extent along z, mm"] == 160
    assert sizes["spacing along x, mm"] == 0.9
    assert sizes["volume of the brain mask, mL"] == 1400
    assert len(sizes_of((1, 1, 1), (1, 1, 1), 0.0, "")) == 6
    assert {name: factor_of(name) for name in sizes if factor_of(name) != 1.5} == {
        "volume of the brain mask, mL": 2.0
    }
