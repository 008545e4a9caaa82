"""A folder of patients, gone on with after its files changed, or with nothing to predict."""

from __future__ import annotations

import logging

import numpy as np
import pytest

from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.store.images import read_image, write_image


@pytest.fixture
def patients(make_patients):
    return make_patients()


def again(patients, out, caplog, indices=(0, 3)):
    """Go on; the predictions and the lines of the log about them."""
    caplog.clear()
    with caplog.at_level(logging.WARNING, logger="ricenet_v2"):
        found = predict_folder(
            patients.model(indices), patients.images, out, mirror=False, resume=True
        )
    return found, [line for line in caplog.messages if "predicted again" in line]


@pytest.mark.parametrize("channel", [0, 2, 3])  # 2 is not seen, but decides the crop
def test_a_patient_whose_images_changed_is_predicted_again(patients, tmp_path, caplog, channel):
    out = tmp_path / "out"
    before, told = again(patients, out, caplog)
    assert told == []
    same, told = again(patients, out, caplog)
    assert (same, told) == (before, [])
    path = patients.images / f"p1_{channel:04d}.nii.gz"
    voxels, grid = read_image(path)
    write_image(path, np.roll(voxels, 2, axis=0) / 2, grid)
    found, (line,) = again(patients, out, caplog)
    assert line.startswith("p1 ")
    assert found.cases[0] == before.cases[0]
    assert found.cases[1].source != before.cases[1].source
    assert again(patients, out, caplog) == (found, [])


def test_a_file_that_nothing_rests_on_may_change(patients, tmp_path, caplog):
    out = tmp_path / "out"
    before, _ = again(patients, out, caplog, (0, 1))
    (patients.images / "p1_0003.nii.gz").unlink()
    assert again(patients, out, caplog, (0, 1)) == (before, [])


def test_a_patient_with_a_new_mask_is_predicted_again(patients, tmp_path, caplog):
    out = tmp_path / "out"
    before, _ = again(patients, out, caplog)
    voxels, grid = read_image(patients.images / "p0_0000.nii.gz")
    write_image(patients.raw.folder / "masksTr" / "p0_brain.nii.gz", voxels > 0, grid)
    found, (line,) = again(patients, out, caplog)
    assert line.startswith("p0 ")
    assert [one.source.region for one in found.cases] == ["brain mask", "non-zero voxels"]
    assert found.cases[1] == before.cases[1]


def test_a_patient_whose_file_is_gone_fails(patients, tmp_path, caplog):
    out = tmp_path / "out"
    again(patients, out, caplog)
    (patients.images / "p1_0003.nii.gz").unlink()
    found, _ = again(patients, out, caplog)
    assert [one.case_id for one in found.cases] == ["p0"]
    assert "p1_0003.nii.gz" in found.failed[0].error


def test_the_record_names_the_files_as_that_of_training_does(patients, tmp_path, caplog):
    found, _ = again(patients, tmp_path / "out", caplog, (0, 1, 2, 3))
    for case, one in zip(patients.raw.cases, found.cases, strict=True):
        images = patients.raw.images(case)
        assert one.source.inputs_hash == inputs_hash(images, None, patients.plan)


def test_what_a_kill_left_of_a_case_is_passed_over(patients, tmp_path, caplog):
    out = tmp_path / "out"
    before, _ = again(patients, out, caplog)
    (out / "cases" / ".p1.99.partial.json").write_text('{"docu')
    assert again(patients, out, caplog) == (before, [])


def test_a_table_without_cases_has_the_header_of_one_with_cases(patients, tmp_path):
    model = patients.model((0, 3))
    predict_folder(model, patients.images, tmp_path / "good", mirror=False)
    for file in patients.images.glob("*_0003.nii.gz"):
        file.unlink()
    assert len(predict_folder(model, patients.images, tmp_path / "bad").failed) == 2
    good = (tmp_path / "good" / "predictions.csv").read_text().splitlines()
    bad = (tmp_path / "bad" / "predictions.csv").read_text().splitlines()
    assert bad == good[:1]
    assert bad == [
        "case_id,predicted,prob_first,prob_second,prob_first__fold_0,prob_second__fold_0,"
        "entropy,agreement,disagreement,distance,distance_flag,warnings"
    ]


def test_hidden_files_are_no_patients(patients, tmp_path):
    (patients.images / "._p0_0000.nii.gz").write_bytes(b"\0\5\x16\7")
    found = predict_folder(patients.model((0,)), patients.images, tmp_path / "out", mirror=False)
    assert [one.case_id for one in found.cases] == ["p0", "p1"]
    assert not found.failed
