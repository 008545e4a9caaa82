"""The two poses of a NIfTI header: files of ITK agree with themselves, spoilt ones do not."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.fingerprinting.checks_nifti import check_nifti
from ricenet_v2.fingerprinting.findings import Place

PLACE = Place("case", "file")


def _write(path: Path, degrees: tuple[float, float, float], mirror: bool) -> bytearray:
    """An oblique image by ITK, which writes qform and sform."""
    image = sitk.GetImageFromArray(np.arange(120, dtype=np.float32).reshape(4, 5, 6))
    matrix = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    image.SetDirection((matrix * (1, 1, -1 if mirror else 1)).ravel().tolist())
    image.SetSpacing((0.9, 1.1, 4.0))
    image.SetOrigin((12.0, -30.0, 55.0))
    sitk.WriteImage(image, str(path))
    return bytearray(path.read_bytes())


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (10, -20, 30), (180, 0, 0), (0, 90, 0)])
def test_poses_that_itk_writes_agree(
    tmp_path: Path, degrees: tuple[float, float, float], mirror: bool
) -> None:
    path = tmp_path / "a.nii"
    content = _write(path, degrees, mirror)
    assert min(struct.unpack_from("<2h", content, 252)) > 0
    assert check_nifti(path, PLACE) == []


def test_a_shifted_sform_is_found_in_mm(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    content = _write(path, (0, 0, 0), mirror=False)
    (x,) = struct.unpack_from("<f", content, 292)
    struct.pack_into("<f", content, 292, x + 5.0)
    path.write_bytes(bytes(content))
    (finding,) = check_nifti(path, PLACE)
    assert (finding.severity, finding.check) == ("error", "orientation")
    assert "5 mm apart" in finding.found


def test_a_pose_that_is_not_set_is_not_compared(tmp_path: Path) -> None:
    path = tmp_path / "a.nii"
    content = _write(path, (0, 0, 0), mirror=False)
    struct.pack_into("<f", content, 292, 999.0)
    struct.pack_into("<h", content, 254, 0)
    path.write_bytes(bytes(content))
    assert check_nifti(path, PLACE) == []
