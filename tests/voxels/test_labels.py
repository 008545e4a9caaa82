"""The labels of a mask."""

import numpy as np

from ricenet_v2.voxels.labels import labels_of


def test_labels_are_the_values_other_than_0():
    mask = np.zeros((4, 5, 6), np.float32)
    assert labels_of(mask) == ()
    mask[0, 0, :3] = 255
    mask[1] = -0.5
    assert labels_of(mask) == (-0.5, 255.0)
    mask.flat[:64] = np.arange(1, 65)
    mask.flat[64:] = 0
    assert labels_of(mask) == tuple(range(1, 65))
    mask.flat[64] = 0.5
    assert labels_of(mask) is None
