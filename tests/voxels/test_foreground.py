"""The region of a case: which channels decide, and the box around it."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.voxels.boxes import bounding_box
from ricenet_v2.voxels.foreground import foreground


def _images(n_channels: int) -> np.ndarray:
    return np.zeros((n_channels, 6, 7, 8), dtype=np.float32)


def test_dose_does_not_widen_the_region_of_the_mri() -> None:
    images = _images(2)
    images[0, 2:4, 3:5, 4:6] = 7
    images[1] = 30
    mask, rule = foreground(images, ("mri", "dose"), None)
    assert rule == "non-zero voxels"
    assert bounding_box(mask) == ((2, 3, 4), (4, 5, 6))
    assert mask.sum() == 8


def test_the_union_of_the_image_channels_counts() -> None:
    images = _images(2)
    images[0, 1, 1, 1] = 1
    images[1, 4, 5, 6] = -1
    mask, _ = foreground(images, ("mri", "pet"), None)
    assert bounding_box(mask) == ((1, 1, 1), (5, 6, 7))
    assert mask.sum() == 2


def test_a_zero_inside_the_head_belongs_to_it_and_a_bay_does_not() -> None:
    images = _images(1)
    images[0, 1:4, 1:4, 1:4] = 5
    images[0, 2, 2, 2] = 0
    images[0, 1, 1, 2] = 0
    mask, _ = foreground(images, ("ct",), None)
    assert mask[2, 2, 2]
    assert not mask[1, 1, 2]


def test_the_brain_mask_wins() -> None:
    images = _images(1)
    images[0] = 3
    brain = np.zeros((6, 7, 8), dtype=bool)
    brain[1:3, 2:4, 3:5] = True
    mask, rule = foreground(images, ("mri",), brain)
    assert rule == "brain mask"
    assert np.array_equal(mask, brain)


@pytest.mark.parametrize("kinds", [("mask",), ("other",), ("dose",)])
def test_without_anatomy_the_whole_image_counts(kinds: tuple[str, ...]) -> None:
    mask, rule = foreground(_images(1), kinds, None)  # type: ignore[arg-type]
    assert rule == "whole image"
    assert mask.all()


@pytest.mark.parametrize(
    "brain", [np.zeros((6, 7, 8), dtype=bool), np.ones((6, 7, 9), dtype=bool), None]
)
def test_nothing_left_is_an_error(brain: np.ndarray | None) -> None:
    with pytest.raises(DatasetError):
        foreground(_images(1), ("mri",), brain)
