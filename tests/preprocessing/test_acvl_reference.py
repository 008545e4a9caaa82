"""Boxes, cropping and padding are those of acvl-utils, which the field uses."""

import numpy as np
import pytest
from acvl_utils.cropping_and_padding.bounding_boxes import (
    bounding_box_to_slice,
    crop_and_pad_nd,
    get_bbox_from_mask,
    get_bbox_from_mask_npwhere,
    pad_bbox,
)
from acvl_utils.cropping_and_padding.padding import pad_nd_image

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.fit import fit
from ricenet_v2.records.dataset import Channel
from ricenet_v2.reporting.case import scan
from ricenet_v2.voxels.boxes import bounding_box


@pytest.fixture
def random():
    return np.random.default_rng(7)


def _shapes(random, n):
    return [tuple(int(side) for side in random.integers(1, 12, 3)) for _ in range(n)]


def test_boxes_are_the_same(random):
    for shape in _shapes(random, 60):
        mask = random.random(shape) < 0.03
        mask[tuple(side // 2 for side in shape)] = True
        ours = [list(ends) for ends in zip(*bounding_box(mask), strict=True)]
        assert ours == get_bbox_from_mask(mask)
        assert ours == get_bbox_from_mask_npwhere(mask)


def test_an_empty_mask_is_an_error_here_and_the_whole_image_there():
    empty = np.zeros((3, 4, 5), dtype=bool)
    assert get_bbox_from_mask(empty) == [[0, 3], [0, 4], [0, 5]]
    with pytest.raises(DatasetError, match="empty mask"):
        bounding_box(empty)


def _centred(have, want):
    start = (have - want) // 2 if have >= want else -((want - have) // 2)
    return [start, start + want]


def test_fitting_is_cropping_and_padding_by_a_centred_box(random):
    for shape, size in zip(_shapes(random, 60), _shapes(random, 60), strict=True):
        image = random.standard_normal(shape).astype(np.float32)
        box = [_centred(have, want) for have, want in zip(shape, size, strict=True)]
        np.testing.assert_array_equal(fit(image, size), crop_and_pad_nd(image, box))


def test_fitting_into_more_room_is_padding(random):
    for shape in _shapes(random, 20):
        size = tuple(
            side + int(more) for side, more in zip(shape, random.integers(0, 6, 3), strict=True)
        )
        image = random.standard_normal(shape).astype(np.float32)
        np.testing.assert_array_equal(fit(image, size), pad_nd_image(image, size))


def test_the_margin_of_a_report_is_a_padded_box(random):
    grid = Grid((20, 24, 22), (4.0, 3.0, 5.0))
    brain = np.zeros(grid.shape, dtype=bool)
    brain[1:9, 6:20, 8:15] = True
    image = random.standard_normal(grid.shape).astype(np.float32)
    shown = scan.crop(scan.DisplayedCase((Channel("T1c", "mri"),), (image,), grid, None), brain)
    box = pad_bbox(get_bbox_from_mask(brain), [2, 3, 2], grid.shape)  # 8 mm
    np.testing.assert_array_equal(shown.voxels[0], image[bounding_box_to_slice(box)])
