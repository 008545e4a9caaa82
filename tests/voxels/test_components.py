"""Components are those of scipy, and have their sizes."""

import numpy as np
from scipy import ndimage

from ricenet_v2.voxels.components import components_of


def test_components_that_touch_at_a_corner_are_one_as_in_scipy():
    mask = np.random.default_rng(0).random((9, 10, 11)) < 0.08
    mask[:2, :2, :2] = False
    mask[0, 0, 0] = mask[1, 1, 1] = True
    expected, n_components = ndimage.label(mask, np.ones((3, 3, 3)))
    assert 3 < n_components < mask.sum()

    components, sizes = components_of(mask)
    assert components[0, 0, 0] == components[1, 1, 1] > 0
    pairs = set(zip(components.ravel().tolist(), expected.ravel().tolist(), strict=True))
    assert len(pairs) == n_components + 1  # the same components, whatever their numbers
    assert sum(sizes.values()) == mask.sum()
    assert all(size == np.count_nonzero(components == number) for number, size in sizes.items())


def test_an_empty_mask_has_no_component():
    assert components_of(np.zeros((3, 3, 3), dtype=bool))[1] == {}
