import numpy as np

from ricenet_v2.explanation.quantities.peak import peak


def test_the_peak_of_a_flat_block_is_its_middle():
    values = np.zeros((10, 12, 14), np.float32)
    values[2:7, 4:7, 8:13] = 2
    assert peak(values) == (4, 5, 10)
    values[0] = np.nan
    assert peak(values) == (4, 5, 10)


def test_the_peak_lies_on_the_largest_values_where_their_middle_does_not():
    values = np.full((3, 3, 9), -1, np.float32)
    values[1, 1, [0, 1, 8]] = 3
    assert peak(values) == (1, 1, 1)
