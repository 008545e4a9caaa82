"""Headers of NRRD and MetaImage that do not say how the voxels lie in the patient."""

from __future__ import annotations

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.fingerprinting.checks_position import check_position
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.records.dataset import Case, Channel

PLACE = Place("case", "file")
VOXELS = np.arange(120, dtype="<i2").reshape(4, 5, 6)


@pytest.mark.parametrize(
    ("name", "field"),
    [("a.nrrd", b"space"), ("a.mha", b"TransformMatrix"), ("a.mhd", b"Transform")],
)
def test_the_texts_of_other_formats_are_read(tmp_path, name, field):
    path = tmp_path / name
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path))
    assert check_position(path, PLACE) == []
    head, gap, rest = path.read_bytes().partition(b"\n\n")
    kept = [line for line in head.split(b"\n") if not line.startswith(field)]
    path.write_bytes(b"\n".join(kept) + gap + rest)
    (finding,) = check_position(path, PLACE)
    assert finding.check == "no position"


def test_a_new_patient_without_a_position_is_told(tmp_path):
    path = tmp_path / "p_0000.mha"
    sitk.WriteImage(sitk.GetImageFromArray(VOXELS), str(path))
    whole = path.read_bytes()
    path.write_bytes(b"".join(x for x in whole.splitlines(True) if not x.startswith(b"Transform")))
    found = check_case(
        Case("p", "p", label=""), (Channel("T1c", "mri"),), [path], allow_any_size=True
    )
    assert [(one.severity, one.check) for one in found.findings] == [("warning", "no position")]
    assert found.images is not None
