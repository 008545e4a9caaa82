"""What lies beside the images: masks of lesion and region, doses that networks do not see."""

import dataclasses
import logging
import shutil
import unicodedata

import numpy as np
import pytest

from ricenet_v2.core import documents
from ricenet_v2.core.errors import DatasetError
from ricenet_v2.explanation.explained_case import SubjectFiles, read_subject
from ricenet_v2.explanation.finished import case_file
from ricenet_v2.explanation.folder import explain_folder
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.options import ExplanationOptions
from ricenet_v2.records.explained_case import ExplainedCase
from ricenet_v2.store.images import read_image, write_image
from ricenet_v2.store.raw import CASES_CSV

FAST = ExplanationOptions(kinds=("hirescam",), sanity=False)


def _subject(patients, ensemble, region="brain", case="p0"):
    paths = tuple(patients / "imagesTs" / f"{case}_{n:04d}.nii.gz" for n in range(2))
    paths = paths[: len(ensemble.dataset.channels)]
    return read_subject(ensemble, SubjectFiles(case, paths, patients / "masksTs", region))


def _moved(patients, name, shift, case="p0"):
    """Write a mask anew, moved by voxels along x."""
    path = patients / "masksTs" / f"{case}_{name}.nii.gz"
    voxels, grid = read_image(path)
    write_image(path, np.roll(voxels, shift, axis=2).astype(np.uint8), grid)


def test_any_mask_can_be_the_region(patients, ensemble, tmp_path):
    options = dataclasses.replace(
        FAST, kinds=("occlusion",), region="lesion", occlusion=OcclusionSettings(12, 12)
    )
    made = explain_folder(ensemble, patients / "imagesTs", tmp_path / "out", options)
    assert made.cases == ("p0", "p1")
    subject = _subject(patients, ensemble, "lesion")
    np.testing.assert_array_equal(subject.region, subject.lesion)
    assert subject.region.sum() < subject.brain.sum()


def test_a_region_that_is_missing_or_outside_stops_its_case_alone(patients, ensemble, tmp_path):
    masks = patients / "masksTs"
    voxels, grid = read_image(masks / "p0_lesion.nii.gz")
    corner = np.zeros(voxels.shape, np.uint8)
    corner[0, 0, 0] = 1
    write_image(masks / "p0_edge.nii.gz", corner, grid)
    options = dataclasses.replace(FAST, region="edge")
    found = explain_folder(ensemble, patients / "imagesTs", tmp_path / "a", options)
    assert "holds no voxel of what the networks see" in found.failed["p0"]
    assert "p1_edge.nii.gz" in found.failed["p1"]
    write_image(masks / "p1_edge.nii.gz", voxels.astype(np.uint8), grid)
    found = explain_folder(ensemble, patients / "imagesTs", tmp_path / "b", options)
    assert found.cases == ("p1",)
    assert list(found.failed) == ["p0"]


@pytest.mark.parametrize(
    ("shift", "told"),
    [
        (9, "lies outside of them"),
        (5, "% of the lesion lies outside the image that the networks see"),
    ],
)
def test_a_lesion_that_networks_do_not_see_is_said(patients, ensemble, shift, told):
    _moved(patients, "lesion", shift)
    subject = _subject(patients, ensemble)
    assert any(told in one for one in subject.warnings)
    assert (subject.lesion is None) == (shift == 9)
    assert subject.lesion_images is not None


def test_a_lesion_too_small_for_the_network_is_said(patients, ensemble):
    path = patients / "masksTs" / "p0_lesion.nii.gz"
    plan = dataclasses.replace(ensemble.plan, spacing=(6.0, 9.0, 7.5), input_size=(8, 8, 8))
    coarse = dataclasses.replace(ensemble, plan=plan)
    assert not _subject(patients, coarse).warnings
    voxels, grid = read_image(path)
    one = np.zeros(voxels.shape, np.uint8)
    one[8, 8, 8] = 1
    write_image(path, one, grid)
    subject = _subject(patients, coarse)
    assert subject.lesion is None
    assert any("too small for the voxels of the network" in told for told in subject.warnings)


def _resumed(patients, ensemble, out, caplog):
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        explain_folder(ensemble, patients / "imagesTs", out, FAST, resume=True)
    return [record.args[0] for record in caplog.records if "explained again" in record.msg]


def test_a_case_is_explained_again_when_what_lies_beside_it_changed(
    patients, ensemble, tmp_path, caplog
):
    out = tmp_path / "out"
    explain_folder(ensemble, patients / "imagesTs", out, FAST)
    assert _resumed(patients, ensemble, out, caplog) == []
    before = documents.read(ExplainedCase, case_file(out, "p0"))
    _moved(patients, "lesion", 3)
    assert _resumed(patients, ensemble, out, caplog) == ["p0"]
    after = documents.read(ExplainedCase, case_file(out, "p0"))
    assert after.maps[0].shares.found["lesion"] != before.maps[0].shares.found["lesion"]
    table = patients / CASES_CSV
    table.write_text(table.read_text().replace("60", "30"))
    assert _resumed(patients, ensemble, out, caplog) == ["p0", "p1"]
    assert documents.read(ExplainedCase, case_file(out, "p1")).isodose.endswith("30 Gy")


def test_less_memory_goes_on_where_more_stopped(patients, ensemble, tmp_path, caplog):
    out = tmp_path / "out"
    explain_folder(ensemble, patients / "imagesTs", out, FAST)
    less = dataclasses.replace(FAST, occlusion=OcclusionSettings(memory_gb=0.5))
    with caplog.at_level(logging.WARNING):
        explain_folder(ensemble, patients / "imagesTs", out, less, resume=True)
    assert not caplog.records


def test_a_dose_that_networks_do_not_see_may_lie_elsewhere(patients, ensemble, make_plan):
    channels = (ensemble.plan.channels[0],)
    plan = dataclasses.replace(ensemble.plan, channels=channels)
    blind = dataclasses.replace(ensemble, plan=plan)
    assert _subject(patients, blind).dose is not None
    path = patients / "imagesTs" / "p0_0001.nii.gz"
    voxels, grid = read_image(path)
    write_image(path, voxels[1:], dataclasses.replace(grid, shape=(15, 18, 17)))
    subject = _subject(patients, blind)
    assert subject.dose is None
    assert any("p0_0001.nii.gz does not lie on the grid" in one for one in subject.warnings)
    assert [one.kind for one in subject.channels] == ["mri"]


def test_one_name_in_two_unicode_normal_forms_is_refused(patients, ensemble, tmp_path):
    images, table = patients / "imagesTs", patients / CASES_CSV
    forms = [unicodedata.normalize(form, "pü") for form in ("NFC", "NFD")]
    for form in forms:
        for path in images.glob("p1_*"):
            shutil.copy(path, images / f"{form}_{path.name.rpartition('_')[2]}")
    shutil.rmtree(patients / "masksTs")
    made = explain_folder(ensemble, images, tmp_path / "out", FAST)
    assert made.cases == ("p0", "p1")
    assert set(made.failed) == set(forms)
    assert all(ascii(form) in made.failed[other] for form in forms for other in forms)
    text = table.read_text()
    row = text.splitlines()[-1]
    table.write_text(text + "".join(f"{form}{row[2:]}\n" for form in forms))
    with pytest.raises(DatasetError, match=r"A case has several rows in cases\.csv") as caught:
        explain_folder(ensemble, images, tmp_path / "other", FAST)
    assert all(ascii(form) in caught.value.got for form in forms)
