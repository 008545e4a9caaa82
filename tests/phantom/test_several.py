"""Several lesions, noise in the air, and CT."""

from __future__ import annotations

import numpy as np
import pytest

from ricenet_v2.phantom.cohort import write_cohort
from ricenet_v2.store.images import read_image
from ricenet_v2.store.raw import load_raw_dataset, mask_path
from ricenet_v2.voxels.head import head_mask

SMALL = {"cases": 2, "test_cases": 1, "shape": (20, 24, 20), "spacing": (9.0, 9.0, 9.0)}


def test_each_lesion_is_a_case_of_its_patient(tmp_path):
    raw = load_raw_dataset(write_cohort(tmp_path / "Dataset002_Several", lesions=2, **SMALL))
    assert [case.case_id for case in raw.cases[:2]] == ["PH0001_l1", "PH0001_l2"]
    assert {(case.patient_id, case.image) for case in raw.cases[:2]} == {("PH0001", "PH0001")}
    union = read_image(mask_path(raw.folder / "masksTr", "PH0001", "lesion", ".nii.gz"))[0]
    masks = [read_image(raw.mask(case, "lesion"))[0] > 0 for case in raw.cases[:2]]
    assert not (masks[0] & masks[1]).any()
    for number, mask in enumerate(masks, start=1):
        np.testing.assert_array_equal(union == number, mask)
    event, post_op = (read_image(path)[0] for path in raw.images(raw.cases[0])[1::-1])
    brain = read_image(raw.mask(raw.cases[0], "brain"))[0] > 0
    for mask in masks:  # each is seen at the event, and was not there after surgery
        change = event / np.median(event[brain]) - post_op / np.median(post_op[brain])
        assert change[mask].max() > 0.5


@pytest.mark.parametrize(("scanner", "kind"), [("noisy", "mri"), ("ct", "ct")])
def test_images_with_air_show_the_head_of_the_clean_ones(tmp_path, scanner, kind):
    clean = load_raw_dataset(write_cohort(tmp_path / "Dataset003_Clean", **SMALL))
    folder = write_cohort(tmp_path / "Dataset004_Air", scanner=scanner, brain_masks=False, **SMALL)
    raw = load_raw_dataset(folder)
    assert raw.dataset.channels[0].kind == kind
    assert raw.mask(raw.cases[0], "brain") is None
    for before, case in zip(clean.cases, raw.cases, strict=True):
        expected = read_image(clean.images(before)[1])[0] > 0
        image, grid = read_image(raw.images(case)[1])
        assert (image[~expected] != 0).mean() > 0.99
        head = head_mask(image, grid.spacing, kind)
        assert head is not None
        assert 2 * (head & expected).sum() / (head.sum() + expected.sum()) > 0.95
