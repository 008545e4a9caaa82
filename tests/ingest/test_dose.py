"""RTDOSE against the arrays that were written, and against files of treatment planning systems."""

from pathlib import Path

import numpy as np
import pydicom.data
import pytest
from pydicom.uid import ExplicitVRBigEndian, RLELossless

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.ingest.dose import read_dose
from tests.ingest.dicom_writer import INGEST, SHARED, dose_object, save, slice_object

GY = np.random.default_rng(0).uniform(0, 20, (4, 5, 6))
GY[1, 3, 2] = 61.5
ORIGIN = np.array([-10.0, -20, -30])
PLAN = SHARED / "dicompyler-core"
PYDICOM = Path(pydicom.data.__file__).parent / "test_files"


def _dose(tmp_path, gy=GY, **values):
    return read_dose([save(dose_object(gy, **values), tmp_path / "dose")])


def _maximum(dose):
    """Gy, and the place in mm."""
    index = np.unravel_index(int(dose.gy.argmax()), dose.gy.shape)
    return float(dose.gy.max()), dose.grid.world(index)


PRONE, FEET_FIRST = (-1, 0, 0, 0, -1, 0), (-1, 0, 0, 0, 1, 0)
STEPS = 3.0 * np.arange(4)


@pytest.mark.parametrize(
    ("values", "place"),
    [
        # Column 2 at 2.5 mm, row 3 at 2 mm, plane 1 at 3 mm.
        ({}, (5, 6, 3)),
        ({"offsets": STEPS - 30}, (5, 6, 3)),
        ({"offsets": -STEPS}, (5, 6, -3)),
        ({"offsets": -30 - STEPS}, (5, 6, -3)),
        ({"orientation": PRONE}, (-5, -6, 3)),
        ({"orientation": PRONE, "offsets": -STEPS}, (-5, -6, -3)),
        # Rows to the right and columns to the back: the normal is to the feet.
        ({"orientation": FEET_FIRST}, (-5, 6, -3)),
        ({"orientation": FEET_FIRST, "offsets": -STEPS}, (-5, 6, 3)),
        ({"orientation": (0, 1, 0, 0, 0, -1)}, (-3, 5, -6)),
        ({"RescaleSlope": 2, "RescaleIntercept": 5}, (5, 6, 3)),
        ({"dtype": np.uint16, "scaling": 1e-3}, (5, 6, 3)),
        ({"DoseType": "EFFECTIVE"}, (5, 6, 3)),
    ],
)
def test_the_maximum_has_its_value_and_place(tmp_path, values, place):
    dose = _dose(tmp_path, **values)
    highest, at = _maximum(dose)
    assert highest == pytest.approx(61.5, rel=1e-3)
    assert at == pytest.approx(ORIGIN + place, abs=0.1)
    assert sorted(dose.grid.spacing) == [2.0, 2.5, 3.0]
    assert np.sort(dose.gy.ravel()) == pytest.approx(np.sort(GY.ravel()), abs=1e-3)
    assert dose.header.dose_type == values.get("DoseType", "PHYSICAL")


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ({"DoseUnits": "CGY"}, "DoseUnits.*\n.*\n.*\n.*CGY, which DICOM does not have"),
        ({"DoseUnits": None}, "DoseUnits.*\n.*\n.*\n.*nothing"),
        ({"DoseUnits": "RELATIVE"}, "This dose is relative"),
        ({"DoseType": "ERROR"}, "DoseType"),
        ({"DoseSummationType": "RECORD"}, "DoseSummationType.*\n.*\n.*\n.*RECORD"),
        ({"DoseSummationType": "SMITHJOHN"}, "DoseSummationType.*\n.*\n.*\n.*another word"),
        ({"DoseGridScaling": None}, "cannot be scaled"),
        ({"DoseGridScaling": 0}, "cannot be scaled"),
        ({"GridFrameOffsetVector": None}, "4 numbers, one for each frame"),
        ({"GridFrameOffsetVector": [0.0, 3, 6, 9, 12]}, "5 numbers"),
        ({"NumberOfFrames": 1}, "1 frame, 4 numbers: frames are missing"),
        (
            {"offsets": [0, 3, 6, 12]},
            "not form a regular grid: gap.*\n.*\n.*\n.*6 mm after slice 3",
        ),
        ({"offsets": [0, 3, 6, 10.1]}, "not form a regular grid: varying spacing"),
        ({"offsets": STEPS + 1}, "is ambiguous"),
        ({"offsets": STEPS - 30, "orientation": FEET_FIRST}, "is ambiguous"),
        ({"orientation": (1, 0, 0, 0.2, 1, 0)}, "not at right angles"),
        ({"ImagePositionPatient": None}, "no patient position"),
        ({"Rows": 50}, "fewer voxels than its header claims"),
        ({"Modality": "MR"}, "holds no dose"),
        ({"PixelData": bytes(2 * 4 * 5 * 6 * 4)}, "do not match its header"),
    ],
)
def test_what_is_no_dose_in_gy_on_a_grid_is_refused(tmp_path, values, text):
    with pytest.raises(DatasetError, match=text) as caught:
        _dose(tmp_path, **values)
    assert "SMITH" not in str(caught.value)


def test_a_relative_dose_is_read_with_what_one_stands_for(tmp_path):
    file = save(dose_object(GY / 61.5, DoseUnits="RELATIVE", scaling=1e-6), tmp_path / "dose")
    dose = read_dose([file], gy_at_one=61.5)
    assert dose.gy.max() == pytest.approx(61.5, rel=1e-4)
    assert dose.notes == ("relative dose; 1 is 61.5 Gy",)


def test_negative_values_are_set_to_0_and_counted(tmp_path):
    gy = GY.copy()
    gy[0, 0, :3], gy[0, 0, 3:] = -2, 0
    dose = _dose(tmp_path, gy, dtype=np.int32)
    assert dose.n_negative == 3
    assert dose.gy.min() == 0


def _planes(tmp_path, which=range(4), **values):
    files = []
    for at in which:
        data = dose_object(
            GY[at : at + 1], origin=(-10, -20, -30 + 3 * at), GridFrameOffsetVector=None, **values
        )
        files.append(save(data, tmp_path / f"plane{at}"))
    return files


def test_planes_in_files_of_their_own_are_joined(tmp_path):
    dose = read_dose(_planes(tmp_path)[::-1])
    assert np.allclose(dose.gy, GY, atol=1e-4)
    assert dose.grid.origin == tuple(ORIGIN)
    assert dose.notes == ("joined from 4 files",)


def test_planes_of_several_doses_and_missing_ones_are_refused(tmp_path):
    first = _planes(tmp_path / "a")
    with pytest.raises(DatasetError, match="not planes of one dose"):
        read_dose([*first[:3], *_planes(tmp_path / "b", [3], plan="9.9")])
    with pytest.raises(DatasetError, match="not form a regular grid: gap"):
        read_dose(_planes(tmp_path / "c", [0, 1, 3]))
    with pytest.raises(DatasetError, match="a single plane"):
        read_dose(first[:1])
    with pytest.raises(DatasetError, match="No file was given"):
        read_dose([])


@pytest.mark.parametrize(
    "change",
    [
        {"spacing": (3.0, 2.0, 2.6)},
        {"summation": "FRACTION"},
        {"DoseType": "EFFECTIVE"},
        {"DoseUnits": "RELATIVE"},
        {"FrameOfReferenceUID": "9.9"},
        {"group": 2},
    ],
    ids=str,
)
def test_a_plane_that_differs_in_one_thing_is_of_another_dose(tmp_path, change):
    planes = _planes(tmp_path / "a")[:3], _planes(tmp_path / "b", [3], **change)
    with pytest.raises(DatasetError, match="not planes of one dose"):
        read_dose([file for files in planes for file in files])


def _compressed(data):
    data.compress(RLELossless, generate_instance_uid=False)


def _big_endian(data):
    little = np.dtype(f"<u{data.BitsAllocated // 8}")
    data.file_meta.TransferSyntaxUID = ExplicitVRBigEndian
    big = np.frombuffer(data.PixelData, little).astype(little.newbyteorder(">"))
    data.PixelData = big.tobytes()


@pytest.mark.parametrize(
    ("change", "dtype"),
    [(_compressed, np.uint16), (_big_endian, np.uint16), (_big_endian, np.uint32)],
)
def test_other_encodings_give_the_same_dose(tmp_path, change, dtype):
    values = {"dtype": dtype, "scaling": 1e-3}
    data = dose_object(GY, **values)
    change(data)
    dose = read_dose([save(data, tmp_path / "other")])
    assert np.array_equal(dose.gy, _dose(tmp_path, **values).gy)


def test_an_image_is_no_dose(tmp_path):
    with pytest.raises(DatasetError, match="holds no dose"):
        read_dose([save(slice_object(np.zeros((4, 4), np.uint16), (0, 0, 0)), tmp_path / "slice")])


@pytest.mark.parametrize("name", ["rtdose.dcm", "rtdose_rle.dcm", "rtdose_expb.dcm"])
def test_relative_beams_of_pydicom(name):
    """15 planes of 10 x 10 voxels; BEAM and RELATIVE, in three encodings."""
    with pytest.raises(DatasetError, match="relative"):
        read_dose([PYDICOM / name])
    dose = read_dose([PYDICOM / name], gy_at_one=2.0)
    plain = pydicom.dcmread(PYDICOM / "rtdose.dcm")
    expected = plain.pixel_array * float(plain.DoseGridScaling) * 2
    assert dose.gy.shape == (15, 10, 10)
    assert dose.header.summation == "BEAM"
    assert np.sort(dose.gy.ravel()) == pytest.approx(np.sort(expected.ravel()), rel=1e-6)


@pytest.mark.parametrize("name", ["rtdose_1frame.dcm", "rtdose_rle_1frame.dcm"])
def test_one_frame_of_fifteen_offsets(name):
    with pytest.raises(DatasetError, match="frames are missing"):
        read_dose([PYDICOM / name], gy_at_one=1)


@pytest.mark.skipif(not INGEST.is_dir(), reason="set RICENET_SHARED_DATA to the folder of ingest")
def test_a_single_plane_of_an_eye_plan_is_refused():
    with pytest.raises(DatasetError, match="a single plane"):
        read_dose([INGEST / "eyeplantodicom" / "dose_one_frame_no_vector" / "rtdose.dcm"])


@pytest.mark.skipif(not PLAN.is_dir(), reason="set RICENET_SHARED_DATA to that of dicompyler-core")
def test_the_dose_of_a_breast_plan():
    dose = read_dose([PLAN / "rtdose.dcm"])
    assert dose.grid.shape == (98, 129, 194)
    assert dose.grid.spacing == (3.0, 2.5, 2.5)
    assert dose.gy.max() == pytest.approx(14.68, abs=0.005)
