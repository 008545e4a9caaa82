"""The region of a case by its plan: what is cropped, what is inside, and what is refused."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core.errors import RegionError
from ricenet_v2.records.region import RegionPlan, follows_images, mask_name
from ricenet_v2.voxels.region import case_region

SHAPE = (20, 24, 22)
SPACING = (3.0, 1.0, 2.0)


def _images() -> np.ndarray:
    rng = np.random.default_rng(0)
    head = np.zeros(SHAPE, dtype=bool)
    head[4:16, 4:20, 3:19] = True
    mri = np.where(head, rng.normal(500, 30, SHAPE), 0)
    return np.stack([mri, np.full(SHAPE, 30.0)]).astype("float32")


def _mask(*box: slice) -> np.ndarray:
    mask = np.zeros(SHAPE, dtype=bool)
    mask[box] = True
    return mask


def _region(plan, mask=None, images=None):
    return case_region(
        _images() if images is None else images, ("mri", "dose"), SPACING, plan, mask
    )


def test_each_kind_of_region_crops_to_what_it_names():
    brain = _mask(slice(6, 10), slice(6, 12), slice(5, 9))
    assert _region(RegionPlan("image"), brain).box == ((0, 0, 0), SHAPE)
    assert _region(RegionPlan("head"), brain).box == ((4, 4, 3), (16, 20, 19))
    assert _region(RegionPlan("brain"), brain).box == ((6, 6, 5), (10, 12, 9))
    assert _region(None, brain).box == ((6, 6, 5), (10, 12, 9))
    assert _region(None).box == ((4, 4, 3), (16, 20, 19))
    names = [_region(RegionPlan(kind), brain).name for kind in ("image", "head", "brain")]
    assert names == ["whole image", "head", "brain mask"]


def test_a_margin_is_in_mm_and_ends_with_the_image():
    lesion = _mask(slice(10, 12), slice(9, 10), slice(15, 17))
    region = _region(RegionPlan("lesion", 5.0), lesion)
    # 5 mm are 2 slices of 3 mm, 5 rows of 1 mm and 3 columns of 2 mm, rounded up.
    assert region.box == ((8, 4, 12), (14, 15, 20))
    wide = _region(RegionPlan("lesion", 30.0), lesion)
    assert wide.box == ((0, 0, 0), SHAPE)
    assert region.name == "lesion with a margin of 5 mm"


def test_around_a_lesion_only_the_patient_in_the_crop_counts():
    lesion = _mask(slice(10, 12), slice(9, 10), slice(15, 17))
    inside = _region(RegionPlan("lesion", 5.0), lesion).inside
    box = _mask(slice(8, 14), slice(4, 15), slice(12, 20))
    head = _images()[0] > 0
    np.testing.assert_array_equal(inside, box & head)  # no air, and nothing beyond the crop


def test_without_air_the_head_is_the_whole_image():
    images = np.random.default_rng(1).normal(500, 30, (2, *SHAPE)).astype("float32")
    region = _region(RegionPlan("head"), images=images)
    assert (region.box, region.name) == (((0, 0, 0), SHAPE), "whole image")


@pytest.mark.parametrize("kind", ["brain", "lesion"])
@pytest.mark.parametrize(
    ("mask", "said"),
    [
        (None, "There is no {} mask"),
        (np.zeros(SHAPE, dtype=bool), "The {} mask is empty"),
        (np.ones((3, 3, 3), dtype=bool), "The {} mask has another shape"),
    ],
)
def test_a_mask_that_cannot_be_used_is_refused(kind, mask, said):
    with pytest.raises(RegionError, match=said.format(kind)):
        _region(RegionPlan(kind, 20.0 if kind == "lesion" else 0.0), mask)


def test_a_lesion_in_the_air_is_refused():
    with pytest.raises(RegionError, match="outside of the patient"):
        _region(RegionPlan("lesion", 5.0), _mask(slice(0, 2), slice(0, 2), slice(0, 2)))


def test_which_masks_and_channels_a_region_needs():
    kinds = ("image", "head", "brain", "lesion")
    assert [mask_name(RegionPlan(kind)) for kind in kinds] == ["", "", "brain", "lesion"]
    assert mask_name(None) == "brain"
    by_images = [follows_images(RegionPlan(kind), has_mask=True) for kind in kinds]
    assert by_images == [False, True, False, True]
    assert [follows_images(None, has_mask=has) for has in (False, True)] == [True, False]
