"""The hash of voxels."""

import numpy as np

from ricenet_v2.voxels.hashing import voxel_hash


def test_the_hash_is_that_of_shape_and_values_however_they_lie_in_memory():
    image = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    assert voxel_hash(np.asfortranarray(image)) == voxel_hash(image)
    assert voxel_hash(image.reshape(3, 2, 4)) != voxel_hash(image)
    other = image.copy()
    other[1, 2, 3] = np.nextafter(other[1, 2, 3], np.float32(99))
    assert voxel_hash(other) != voxel_hash(image)
