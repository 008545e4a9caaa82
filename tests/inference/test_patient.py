"""A patient is shown to the networks as a case of training was, and read once."""

from __future__ import annotations

import dataclasses
import shutil
from collections import Counter

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.inference.folder import predict_folder
from ricenet_v2.preprocessing.cohort import preprocess_dataset
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.cases import read_array
from ricenet_v2.store.images import read_image, write_image

SUBSETS = [(0,), (1,), (2,), (3,), (0, 1), (2, 3), (0, 1, 2), (0, 1, 2, 3)]


def only(patients, folder, indices, case="p0"):
    """A folder of some channels of one case."""
    folder.mkdir()
    for index in indices:
        shutil.copy(patients.images / f"{case}_{index:04d}.nii.gz", folder)
    return folder


@pytest.mark.parametrize("masks", [False, True])
def test_every_subset_of_channels_sees_what_training_made_of_it(make_patients, tmp_path, masks):
    patients = make_patients(masks=masks)
    for indices in SUBSETS:
        model = patients.model(indices)
        for case in patients.raw.cases:
            trained = read_array(patients.preprocessed, case.case_id)[list(indices)]
            images, grid, brain = load_case(
                patients.raw.images(case), patients.raw.mask(case, "brain")
            )
            model.predict_case(images, grid, brain=brain, mirror=False)
            np.testing.assert_array_equal(patients.shown(), trained)
        out = tmp_path / f"out{'_'.join(map(str, indices))}"
        found = predict_folder(model, patients.images, out, mirror=False)
        assert len(found.cases) == len(patients.raw.cases)
        np.testing.assert_array_equal(patients.shown(), trained)
        assert {one.source.region for one in found.cases} == {
            "brain mask" if masks else "non-zero voxels"
        }


def test_without_the_channels_that_decide_the_crop_a_case_is_refused(make_patients, tmp_path):
    patients = make_patients()
    for indices in [(3,), (0,), (0, 1)]:
        source = only(patients, tmp_path / f"in{len(indices)}{indices[0]}", indices)
        out = tmp_path / f"out{len(indices)}{indices[0]}"
        found = predict_folder(patients.model(indices), source, out, mirror=False)
        (failed,) = found.failed
        assert failed.case_id == "p0"
        assert "p0_0002.nii.gz" in failed.error
        assert "brain mask" in failed.error
        assert "--masks" in failed.error


def test_a_channel_that_neither_is_seen_nor_shows_anatomy_is_not_needed(make_patients, tmp_path):
    patients = make_patients()
    source = only(patients, tmp_path / "in", (0, 1, 2))
    found = predict_folder(patients.model((0,)), source, tmp_path / "out", mirror=False)
    assert not found.failed
    np.testing.assert_array_equal(patients.shown(), read_array(patients.preprocessed, "p0")[:1])


def test_beside_a_brain_mask_the_channels_that_are_seen_are_enough(make_patients, tmp_path):
    patients = make_patients(masks=True)
    source = only(patients, tmp_path / "in", (3,))
    masks = patients.raw.folder / "masksTr"
    found = predict_folder(
        patients.model((3,)), source, tmp_path / "out", mirror=False, masks=masks
    )
    assert not found.failed
    np.testing.assert_array_equal(patients.shown(), read_array(patients.preprocessed, "p0")[3:])


def test_arrays_of_the_seen_channels_alone_need_a_brain_mask(make_patients):
    patients = make_patients(masks=True)
    model = patients.model((2, 3))
    case = patients.raw.cases[1]
    images, grid, brain = load_case(patients.raw.images(case), patients.raw.mask(case, "brain"))
    model.predict_case(images[2:], grid, brain=brain, mirror=False)
    np.testing.assert_array_equal(
        patients.shown(), read_array(patients.preprocessed, case.case_id)[2:]
    )
    with pytest.raises(DatasetError, match="mri0, ct1, mri2, dose3") as caught:
        model.predict_case(images[2:], grid, case_id="patient7")
    assert caught.value.case == "patient7"
    assert "brain mask" in caught.value.remedy
    with pytest.raises(DatasetError, match="mri0, ct1, mri2, dose3"):
        model.predict_case(images[1:], grid, brain=brain)
    patients.model((0, 1, 2)).predict_case(images[:3], grid, mirror=False)


def test_a_fault_in_a_channel_that_decides_the_crop_is_found(make_patients, tmp_path):
    patients = make_patients()
    cut = patients.images / "p1_0002.nii.gz"
    cut.write_bytes(cut.read_bytes()[:-200])
    found = predict_folder(patients.model((3,)), patients.images, tmp_path / "out", mirror=False)
    assert [one.case_id for one in found.cases] == ["p0"]
    assert "p1_0002.nii.gz" in found.failed[0].error


def test_itk_reads_each_file_once(make_patients, tmp_path, monkeypatch):
    patients = make_patients(masks=True)
    read, itk = Counter(), sitk.ImageFileReader.Execute

    def counted(reader):
        read[reader.GetFileName()] += 1
        return itk(reader)

    monkeypatch.setattr(sitk.ImageFileReader, "Execute", counted)
    predict_folder(patients.model((0, 1, 2, 3)), patients.images, tmp_path / "out", mirror=False)
    files = [*patients.images.iterdir(), *(patients.raw.folder / "masksTr").iterdir()]
    assert read == {str(path): 1 for path in files}


def test_a_tilted_patient_is_straightened_as_in_training_and_told_where_it_is_not(
    make_patients, tmp_path
):
    patients = make_patients()
    turn = Rotation.from_euler("zx", (12, 30), degrees=True).as_matrix()
    for path in sorted(patients.images.iterdir()):
        image = sitk.ReadImage(str(path))
        image.SetDirection(turn.ravel().tolist())
        sitk.WriteImage(image, str(path))
    plain = predict_folder(patients.model((0, 3)), patients.images, tmp_path / "a", mirror=False)
    assert all("tilted image" in "; ".join(case.warnings) for case in plain.cases)
    patients.plan = dataclasses.replace(patients.plan, straighten=True)
    made = preprocess_dataset(patients.raw, patients.plan, tmp_path / "straight")
    assert made.done == ("p0", "p1")
    found = predict_folder(patients.model((0, 3)), patients.images, tmp_path / "b", mirror=False)
    assert all("tilted" not in "; ".join(case.warnings) for case in found.cases)
    assert all(case.source.straight is not None for case in found.cases)
    np.testing.assert_array_equal(patients.shown(), read_array(tmp_path / "straight", "p1")[[0, 3]])


def test_advice_about_images_is_that_of_prediction_and_not_of_a_dataset(make_patients, tmp_path):
    patients = make_patients()
    for index in range(4):
        path = patients.images / f"p0_{index:04d}.nii.gz"
        voxels, grid = read_image(path)
        write_image(path, voxels, dataclasses.replace(grid, spacing=(0.003, 0.002, 0.0025)))
    dose = patients.images / "p1_0003.nii.gz"
    voxels, grid = read_image(dose)
    write_image(dose, voxels - 30, grid)
    found = predict_folder(patients.model((3,)), patients.images, tmp_path / "out", mirror=False)
    size, dose = (case.error for case in found.failed)
    assert "physical size" not in size  # the reason, not the name of the check
    assert "spacing of 0.003 x 0.002 x 0.0025 mm" in size
    assert "cannot be added to a trained model" in size
    assert "into dataset.json" not in size
    assert "the order of the channels in dataset.json of the model" in dose
