"""A region is centred in the input, padded or cut."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.preprocessing.fit import fit

sizes = st.tuples(*[st.integers(1, 9)] * 3)


def numbered(shape: tuple[int, int, int]) -> np.ndarray:
    """Voxels 1, 2, 3 ...: a 0 can only come from padding."""
    return np.arange(1, np.prod(shape) + 1, dtype=np.float32).reshape(shape)


@given(sizes, sizes)
def test_the_centre_stays_the_centre(have, want):
    image = numbered(have)
    made = fit(image, want)
    assert made.shape == want
    for value in made[made > 0]:
        (before,), (after,) = np.argwhere(image == value), np.argwhere(made == value)
        moved = (after - (np.array(want) - 1) / 2) - (before - (np.array(have) - 1) / 2)
        assert np.abs(moved).max() <= 0.5
    kept = np.minimum(have, want).prod()
    assert np.count_nonzero(made) == kept


@given(sizes, sizes)
def test_what_was_padded_is_cut_to_what_it_was(have, more):
    image = numbered(have)
    larger = tuple(n + m for n, m in zip(have, more, strict=True))
    np.testing.assert_array_equal(fit(fit(image, larger), have), image)


def test_pads_and_cuts_by_hand():
    image = np.array([[[1, 2, 3, 4, 5]]], dtype=np.float32)
    assert fit(image, (1, 1, 3)).tolist() == [[[2, 3, 4]]]
    assert fit(image, (1, 1, 2)).tolist() == [[[2, 3]]]
    assert fit(image, (1, 1, 8)).tolist() == [[[0, 1, 2, 3, 4, 5, 0, 0]]]
