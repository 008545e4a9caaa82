"""Transforms between frames of reference, as hospitals export them."""

import numpy as np
import pytest
from pydicom.dataset import Dataset
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.ingest.rigid import rigid
from ricenet_v2.ingest.spatial_registration import (
    FrameTransform,
    between,
    read_spatial_registration,
)
from tests.ingest.dicom_writer import FRAME, plan_object, registration_object, save

MR, PET = f"{FRAME}.21", f"{FRAME}.22"
POINT = np.array([10.0, -20.0, 30.0])
TURN = np.eye(4)
TURN[:3, :3] = Rotation.from_euler("z", 90, degrees=True).as_matrix()
SHIFT = np.eye(4)
SHIFT[:3, 3] = [1, 2, 3]


def _read(tmp_path, items):
    return read_spatial_registration(save(registration_object(items), tmp_path / "reg"))


def test_matrices_are_applied_in_their_order(tmp_path):
    (transform,) = _read(tmp_path, {FRAME: [np.eye(4)], MR: [TURN, SHIFT]})
    assert (transform.source, transform.target) == (MR, FRAME)
    # A quarter turn about z takes x to y and y to -x; the shift comes after it.
    assert transform.transform.points(POINT) == pytest.approx([20 + 1, 10 + 2, 30 + 3])


@pytest.mark.parametrize(
    ("items", "error", "text"),
    [
        ({}, DatasetError, "does not relate two frames"),
        ({FRAME: [np.eye(4)]}, DatasetError, "does not relate two frames"),
        ({MR: [np.diag([1, 1, 1.1, 1])]}, GeometryError, "not rigid"),
        ({MR: [np.diag([1, 1, -1, 1])]}, GeometryError, "not rigid"),
        ({MR: [np.diag([1, 1, 1, 2])]}, DatasetError, "is damaged"),
        ({MR: [np.eye(3)]}, DatasetError, "is damaged"),
    ],
)
def test_what_is_no_rigid_registration_is_refused(tmp_path, items, error, text):
    with pytest.raises(error, match=text):
        _read(tmp_path, items)


def test_another_file_holds_no_registration(tmp_path):
    with pytest.raises(DatasetError, match="holds no registration"):
        read_spatial_registration(save(plan_object(), tmp_path / "plan"))


def test_ways_lead_back_and_over_other_frames():
    turn, shift = (rigid(m[:3, :3], m[:3, 3]) for m in (TURN, SHIFT))
    known = [FrameTransform(MR, FRAME, turn), FrameTransform(PET, FRAME, shift)]
    assert between(known, MR, FRAME).points(POINT) == pytest.approx([20, 10, 30])
    assert between(known, FRAME, MR).points(np.array([20.0, 10, 30])) == pytest.approx(POINT)
    assert between(known, MR, PET).points(POINT) == pytest.approx([19, 8, 27])
    assert between(known, MR, MR).points(POINT) == pytest.approx(POINT)
    assert between(known[:1], MR, PET) is None
    assert between(known, "", "") is None


def test_registrations_that_contradict_each_other_are_refused():
    near = [FrameTransform(MR, FRAME, rigid(np.eye(3), np.full(3, x))) for x in (0.0, 0.2)]
    assert between(near, MR, FRAME).translation == (0, 0, 0)
    far = [*near, FrameTransform(MR, FRAME, rigid(np.eye(3), np.full(3, 1.0)))]
    with pytest.raises(DatasetError, match="differ"):
        between(far, MR, FRAME)


def test_no_item_is_needed_where_the_frame_is_its_own(tmp_path):
    data = registration_object({MR: [SHIFT]})
    data.RegistrationSequence.append(Dataset())
    assert len(read_spatial_registration(save(data, tmp_path / "reg"))) == 1
