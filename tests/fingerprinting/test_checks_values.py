"""Images in mask channels, masks in image channels, and what is a mask."""

import numpy as np
import pytest

from ricenet_v2.fingerprinting.checks_masks import MaskLabels, check_labels
from ricenet_v2.fingerprinting.checks_values import (
    check_brain,
    check_mask,
    check_picture,
    values_of,
)
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check, check_case
from ricenet_v2.records.dataset import Channel

SHAPE = (12, 16, 20)
PLACE = Place("case", "file")


def mri():
    return np.random.default_rng(0).normal(500, 90, SHAPE).astype(np.float32)


def ball(value=1.0):
    places = np.indices(SHAPE) - np.array([6, 8, 10]).reshape(3, 1, 1, 1)
    return (value * ((places**2).sum(axis=0) < 25)).astype(np.float32)


def atlas(n, patch):
    """Labels 1 to n in blocks of `patch` voxels along x."""
    row = np.arange(np.prod(SHAPE)) // patch % n + 1
    return row.reshape(SHAPE).astype(np.float32)


def smooth():
    x = np.linspace(0, 1, SHAPE[2], dtype=np.float32)
    return np.broadcast_to(x, SHAPE) * np.linspace(0.1, 1, SHAPE[0])[:, None, None]


MASKS = {
    "one label": (ball(), "labels"),
    "255": (ball(255), "labels"),
    "scaled by a header": (ball(np.float32(255) * np.float32(1 / 255)) * 1.00001, "labels"),
    "tens of labels": (atlas(60, 4), "labels"),
    "ignored voxels": (ball() - 2 * np.roll(ball(), 3, 0), "labels"),
    "atlas": (atlas(116, 5), "many labels"),
    "probability": (smooth(), "fractions"),
    "partial volume": (ball(0.5), "fractions"),
    "mri": (mri(), "image"),
    "mri of 8 bits": (np.rint(mri() / 4), "image"),
    "mri divided by its maximum, with a few below 0": (mri() / 500 - 0.5, "image"),
    "resampled cubically": (smooth() * 1.2 - 0.1, "image"),
    "half labels": (ball(1.5), "image"),
}


@pytest.mark.parametrize("name", MASKS)
def test_what_the_values_of_a_mask_are(name):
    mask, kind = MASKS[name]
    assert values_of(mask) == kind
    found = [(one.severity, one.check) for one in check_mask(mask, PLACE)]
    assert (
        found
        == {
            "labels": [],
            "many labels": [("warning", "labels of masks")],
            "fractions": [("warning", "fractions in a mask")],
            "image": [("error", "not a mask")],
        }[kind]
    )


def test_a_brain_mask_may_be_a_probability_and_overshoot_but_no_image():
    for mask in (ball(), smooth(), smooth() * 1.2 - 0.1, atlas(116, 5)):
        assert check_brain(mask, PLACE) == []
    assert [one.check for one in check_brain(mri(), PLACE)] == ["not a mask"]


def test_a_picture_has_many_values():
    assert check_picture(mri(), PLACE) == check_picture(atlas(9, 1), PLACE) == []
    (found,) = check_picture(ball(7), PLACE)
    assert (found.severity, found.check) == ("error", "constant image")
    assert found.found == "every voxel is 0 or 7"
    (found,) = check_picture(atlas(8, 1), PLACE)
    assert (found.severity, found.check) == ("warning", "few values")


def test_fractions_among_labels_are_an_error():
    def masks(**labels):
        return [MaskLabels(Place(case, case), "lesion", values) for case, values in labels.items()]

    (found,) = check_labels(masks(a=(1.0,), b=(), c=(1.0,)))
    assert (found.severity, found.case) == ("error", "b")
    assert check_labels(masks(a=(), b=())) == []
    # A probability that is certain is 1.
    assert check_labels(masks(a=(1.0,), b=(), c=())) == []


@pytest.fixture
def masked(planted):
    planted.channels = (*planted.channels, Channel("lesion", "mask"))
    for number, case in enumerate(planted.cases):
        mask = np.zeros((6, 8, 10), np.float32)
        mask[2, 3:5, 3 : 5 + number] = 1
        planted.put(case.case_id, 2, mask, split=case.split)
    return planted


def test_an_mri_in_the_mask_channel_of_one_case(masked):
    assert check(masked.load()).findings == ()
    masked.put("case2", 2, np.random.default_rng(5).normal(500, 90, (6, 8, 10)))
    (found,) = check(masked.load()).findings
    assert (found.severity, found.check, found.case) == ("error", "not a mask", "case2")
    paths = [masked.path("case2", index) for index in range(3)]
    seen = check_case(masked.cases[2], masked.channels, paths, allow_any_size=True)
    assert seen.findings[0].check == "not a mask"
    assert seen.images is None


def test_a_mask_in_the_place_of_an_mri(masked):
    mask = np.zeros((6, 8, 10), np.float32)
    mask[1:5, 2:7, 3:9] = 1
    masked.put("case1", 0, mask)
    (found,) = check(masked.load()).findings
    assert (found.severity, found.check, found.case) == ("error", "constant image", "case1")


def test_an_mri_in_the_place_of_the_brain_mask(masked):
    path = masked.folder / "masksTr" / "case1_brain.nii.gz"
    path.parent.mkdir()
    path.write_bytes(masked.path("case1", 0).read_bytes())
    found = check(masked.load()).errors
    assert [one.check for one in found] == ["not a mask"]
