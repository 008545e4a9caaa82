"""The head in images with air that is not zero, against an ellipsoid that is known."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.records.kinds import KINDS, KindSpecification
from ricenet_v2.voxels.boxes import bounding_box
from ricenet_v2.voxels.foreground import foreground
from ricenet_v2.voxels.head import head_mask

BRAINS = (
    Path(
        os.environ.get(
            "RICENET_SHARED_DATA", Path(__file__).resolve().parents[2].parent / "shared" / "data"
        )
    )
    / "pyradiomics-brain"
)
SHAPE, MIDDLE, RADII = (30, 36, 32), (15, 18, 16), (10, 13, 11)


def _head(shrunk: float = 1.0) -> np.ndarray:
    at = np.indices(SHAPE)
    parts = [((a - m) / (r * shrunk)) ** 2 for a, m, r in zip(at, MIDDLE, RADII, strict=True)]
    return sum(parts) <= 1


def _mri(noise: float, rng: np.random.Generator) -> np.ndarray:
    """Scalp, dark bone, brain with dark fluid, and Rician noise everywhere."""
    tissue = np.where(_head(), 600.0, 0.0)
    tissue[_head(0.92)] = 60.0
    tissue[_head(0.8)] = 400.0
    tissue[_head(0.2)] = 80.0
    return np.hypot(tissue + rng.normal(0, noise, SHAPE), rng.normal(0, noise, SHAPE)).astype(
        "float32"
    )


def _overlap(one: np.ndarray, other: np.ndarray) -> float:
    return 2 * float((one & other).sum()) / float(one.sum() + other.sum())


@pytest.mark.parametrize("spacing", [3.0, 5.0])
@pytest.mark.parametrize("noise", [10.0, 40.0])
def test_an_mri_with_noise_in_the_air_is_cropped_to_the_head(spacing, noise):
    image = _mri(noise, np.random.default_rng(3))
    whole, _ = foreground(image[None], ("mri",), None)
    assert bounding_box(whole) == ((0, 0, 0), SHAPE)  # by the former rule nothing was cropped
    head = head_mask(image, (spacing,) * 3, "mri")
    assert head is not None
    assert _overlap(head, _head()) > 0.97
    for have, want in zip(
        np.ravel(bounding_box(head)), np.ravel(bounding_box(_head())), strict=True
    ):
        assert abs(int(have) - int(want)) * spacing <= 6
    assert head[MIDDLE]  # dark fluid inside counts


@pytest.mark.parametrize("air", [-1000.0, -3024.0])
def test_a_ct_is_cropped_to_the_head_and_not_to_the_couch(air):
    rng = np.random.default_rng(4)
    image = np.where(_head(), 35.0, air) + rng.normal(0, 15, SHAPE)
    image[_head() & ~_head(0.85)] = 900.0
    image[:, 33:34, 4:28] = 150.0  # a thin couch behind the head
    whole, _ = foreground(image[None].astype("float32"), ("ct",), None)
    assert bounding_box(whole) == ((0, 0, 0), SHAPE)
    head = head_mask(image.astype("float32"), (3.0, 3.0, 3.0), "ct")
    assert head is not None
    assert _overlap(head, _head()) > 0.97
    assert not head[:, 33].any()


def test_values_below_0_are_hounsfield_units_in_a_ct_alone(monkeypatch):
    """Of a CT, -100 everywhere in the air would mean that there is none."""
    kind = KindSpecification("map", "linear", "zscore", "", is_signed=True, shows_head=True)
    monkeypatch.setitem(KINDS, "other", kind)
    image = np.where(_head(), 300.0, -100.0) + np.random.default_rng(11).normal(0, 5, SHAPE)
    head = head_mask(image.astype("float32"), (3.0, 3.0, 3.0), "other")
    assert head is not None
    assert _overlap(head, _head()) > 0.97
    assert head_mask(image.astype("float32"), (3.0, 3.0, 3.0), "ct") is None


def test_a_brain_without_its_skull_is_what_is_not_zero():
    rng = np.random.default_rng(5)
    brain = _head(0.8)
    image = np.where(brain, rng.normal(400, 60, SHAPE), 0).astype("float32")
    image[2, 2, 2] = 500.0  # a stray voxel
    np.testing.assert_array_equal(head_mask(image, (2.0, 2.0, 2.0), "mri"), brain)


def test_noise_within_a_frame_of_zeros_is_air():
    image = np.zeros(SHAPE, dtype="float32")
    inner = tuple(slice(2, n - 2) for n in SHAPE)
    image[inner] = _mri(15.0, np.random.default_rng(6))[inner]
    head = head_mask(image, (3.0, 3.0, 3.0), "mri")
    assert head is not None
    assert _overlap(head, _head()) > 0.97


@pytest.mark.parametrize(
    "image",
    [
        np.random.default_rng(7).normal(500, 50, (12, 14, 12)),
        np.random.default_rng(8).uniform(0, 1, (12, 14, 12)),
        np.random.default_rng(9).exponential(1, (12, 14, 12)),
        np.full((6, 6, 6), 7.0),
    ],
)
def test_where_no_air_is_to_be_seen_nothing_is_told(image):
    assert head_mask(image.astype("float32"), (4.0, 4.0, 4.0), "mri") is None


def test_a_ct_of_tissue_alone_has_no_air():
    image = np.random.default_rng(10).normal(40, 30, SHAPE).astype("float32")
    image[5:20, 5:20, 5:20] += 800
    assert head_mask(image, (1.0, 1.0, 1.0), "ct") is None


@pytest.mark.skipif(not BRAINS.is_dir(), reason="set RICENET_SHARED_DATA")
@pytest.mark.parametrize("name", ["brain1", "brain2"])
def test_real_heads_are_cropped_and_hold_their_tumour(name):
    image = sitk.ReadImage(BRAINS / f"{name}_image.nrrd")
    voxels = sitk.GetArrayFromImage(image).astype("float32")
    tumour = sitk.GetArrayFromImage(sitk.ReadImage(BRAINS / f"{name}_label.nrrd")) > 0
    x, y, z = image.GetSpacing()
    head = head_mask(voxels, (z, y, x), "mri")
    assert head is not None
    assert head[tumour].all()
    start, stop = bounding_box(head)
    assert stop[2] - start[2] < voxels.shape[2]
    # The air is as dark as its darkest corner; the head is far brighter.
    corner = voxels[:, :20, :20]
    assert np.median(voxels[~head]) < 3 * max(np.median(corner), 1)
    assert np.median(voxels[head]) > 10 * np.median(voxels[~head])
