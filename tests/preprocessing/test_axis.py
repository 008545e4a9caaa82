"""Matrices of one axis against scipy on signals of one axis."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ricenet_v2.preprocessing.axis import blocks, matrix, nearest

lengths = st.integers(1, 90)
orders = st.sampled_from([1, 3])


@given(lengths, lengths, orders, st.integers(0, 2**32 - 1))
def test_a_matrix_is_scipys_zoom_of_any_signal(n_in, n_out, order, seed):
    signal = np.random.default_rng(seed).normal(size=n_in)
    smoothed = signal
    if n_out < n_in:
        smoothed = ndimage.gaussian_filter1d(signal, (n_in / n_out - 1) / 2, mode="nearest")
    expected = ndimage.zoom(smoothed, n_out / n_in, order=order, mode="nearest", grid_mode=True)
    np.testing.assert_allclose(matrix(n_in, n_out, order) @ signal, expected, atol=1e-12)


@given(lengths, lengths, orders)
def test_blocks_are_the_matrix_to_the_rounding_of_float32(n_in, n_out, order):
    whole = np.zeros((n_out, n_in))
    written = np.zeros(n_out, dtype=int)
    for block in blocks(n_in, n_out, order):
        whole[block.made, block.taken] = block.weights
        written[block.made] += 1
    assert (written == 1).all()
    np.testing.assert_allclose(whole, matrix(n_in, n_out, order), atol=1.2e-7)


def test_a_block_of_a_long_axis_takes_a_part_of_it():
    assert max(b.taken.stop - b.taken.start for b in blocks(160, 192, 3)) <= 64
    assert max(b.taken.stop - b.taken.start for b in blocks(160, 192, 1)) <= 32


@given(lengths, lengths)
def test_nearest_is_scipys_order_0_ties_included(n_in, n_out):
    labels = np.random.default_rng(n_in).permutation(n_in)
    expected = ndimage.zoom(labels, n_out / n_in, order=0, mode="nearest", grid_mode=True)
    np.testing.assert_array_equal(labels[nearest(n_in, n_out)], expected)


def test_nearest_by_hand():
    assert nearest(4, 8).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert nearest(9, 3).tolist() == [1, 4, 7]
    assert nearest(1, 3).tolist() == [0, 0, 0]


def test_what_is_kept_cannot_be_changed():
    assert matrix(5, 7, 3) is matrix(5, 7, 3)
    for array in (matrix(5, 7, 3), blocks(5, 7, 3)[0].weights, nearest(5, 7)):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
