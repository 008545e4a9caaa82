"""The lesions of one mask: by labels, or by the parts that hang together."""

from __future__ import annotations

import numpy as np

from ricenet_v2.voxels.lesions import lesions_in


def _mask() -> np.ndarray:
    mask = np.zeros((12, 12, 12), dtype=np.float32)
    mask[1:3, 1:3, 1:3] = 1  # 8 voxels
    mask[3, 3, 3] = 1  # hangs together with them at a corner
    mask[6:9, 6:9, 6:9] = 1  # 27 voxels
    return mask


def test_parts_of_one_label_are_numbered_from_the_largest():
    lesions = lesions_in(_mask())
    assert {number: int(lesion.sum()) for number, lesion in lesions.items()} == {1: 27, 2: 9}
    np.testing.assert_array_equal(sum(lesions.values()), _mask() > 0)


def test_several_labels_are_lesions_with_their_numbers():
    mask = _mask()
    mask[6:9, 6:9, 6:9] = 5
    lesions = lesions_in(mask)
    assert {number: int(lesion.sum()) for number, lesion in lesions.items()} == {1: 9, 5: 27}


def test_a_mask_of_one_other_label_and_a_probability_have_parts():
    assert set(lesions_in(_mask() * 255)) == {1, 2}
    assert set(lesions_in(_mask() * 0.8)) == {1, 2}
    assert lesions_in(np.zeros((3, 3, 3), dtype=np.float32)) == {}
