"""Simulated patients as DICOM say where they lie, read by readers of their own."""

import numpy as np
import pytest
import SimpleITK as sitk
from pydicom import dcmread
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.phantom.cohort import CLASSES, simulate
from ricenet_v2.phantom.dicom import write_studies

MIDDLE = (np.array([34, 42, 34]) - 1) / 2


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("studies")
    return folder, write_studies(folder, patients=2)


def test_labels_take_turns_and_stand_in_no_file(written):
    folder, labels = written
    assert list(labels.values()) == [*CLASSES]
    for file in folder.rglob("*"):
        assert not file.is_file() or CLASSES[1].encode() not in file.read_bytes()


def test_the_event_is_turned_about_the_middle_and_shifted(written):
    folder, labels = written
    reader = sitk.ImageSeriesReader()
    reader.SetFileNames(reader.GetGDCMSeriesFileNames(str(folder / next(iter(labels)) / "MR2")))
    image = reader.Execute()
    middle = image.TransformContinuousIndexToPhysicalPoint(MIDDLE[::-1].tolist())
    assert np.allclose(middle, (8, -6, 10), atol=1e-3)
    expected = Rotation.from_euler("xyz", (7, -5, 12), degrees=True).as_matrix()
    assert np.allclose(np.reshape(image.GetDirection(), (3, 3)), expected, atol=1e-6)
    assert np.allclose(image.GetSpacing(), 5)


def test_the_dose_is_that_of_the_simulation(written):
    folder, labels = written
    name = next(iter(labels))
    _, images, _, _ = simulate(name, 0, Grid((34, 42, 34), (5.0, 5.0, 5.0)))
    dose = dcmread(folder / name / "RTDOSE")
    assert np.allclose(dose.pixel_array * dose.DoseGridScaling, images.dose, atol=1e-4)
