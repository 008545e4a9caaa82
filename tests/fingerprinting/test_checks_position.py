"""Headers that do not say how the voxels lie in the patient; those of NIfTI are written by hand."""

from __future__ import annotations

import gzip
import struct

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.fingerprinting.checks_position import check_position
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.store.images import read_image

PLACE = Place("case", "file")
VOXELS = np.arange(120, dtype="<i2").reshape(4, 5, 6)


def nifti(path, qform, sform, order="<"):
    """A NIfTI-1 file from its fields, nifti1.h."""
    header = bytearray(352)
    struct.pack_into(f"{order}i", header, 0, 348)
    struct.pack_into(f"{order}8h", header, 40, 3, 6, 5, 4, 1, 1, 1, 1)
    struct.pack_into(f"{order}2h", header, 70, 4, 16)
    struct.pack_into(f"{order}8f", header, 76, 1, 1, 1.5, 2, 0, 0, 0, 0)
    struct.pack_into(f"{order}f", header, 108, 352.0)
    struct.pack_into(f"{order}2h", header, 252, qform, sform)
    struct.pack_into(f"{order}12f", header, 280, -1, 0, 0, 0, 0, -1.5, 0, 0, 0, 0, 2, 0)
    header[344:348] = b"n+1\0"
    content = bytes(header) + VOXELS.astype(f"{order}i2").tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_a_nifti_without_qform_and_sform_is_told(tmp_path, name, order):
    path = nifti(tmp_path / name, 0, 0, order)
    voxels, grid = read_image(path)
    np.testing.assert_array_equal(voxels, VOXELS)
    assert grid.direction == (1, 0, 0, 0, 1, 0, 0, 0, 1)
    (finding,) = check_position(path, PLACE)
    assert (finding.severity, finding.check) == ("warning", "no position")
    assert "neither a qform nor an sform" in finding.found
    assert "from right to left" in finding.remedy
    for codes in ((1, 0), (0, 1), (2, 4)):
        assert check_position(nifti(tmp_path / name, *codes, order), PLACE) == []


def test_analyze_has_none_that_programs_agree_on(tmp_path):
    path = nifti(tmp_path / "a.hdr", 1, 1)
    content = bytearray(path.read_bytes())
    content[344:348] = b"\0" * 4
    path.write_bytes(bytes(content))
    (tmp_path / "a.img").write_bytes(VOXELS.tobytes())
    (finding,) = check_position(tmp_path / "a.img", PLACE)
    assert "Analyze" in finding.found


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


def test_a_file_that_cannot_be_read_is_another_fault(tmp_path):
    (tmp_path / "a.nii.gz").write_bytes(b"\x1f\x8bno gzip at all")
    (tmp_path / "b.nii").write_bytes(b"short")
    assert [check_position(tmp_path / name, PLACE) for name in ("a.nii.gz", "b.nii")] == [[], []]
    assert check_position(tmp_path / "c.png", PLACE) == []


def test_a_new_patient_without_a_position_is_told(tmp_path):
    path = nifti(tmp_path / "p_0000.nii.gz", 0, 0)
    found = check_case(Case("p", "p", label=""), (Channel("T1c", "mri"),), [path])
    assert [(one.severity, one.check) for one in found.findings] == [("warning", "no position")]
    assert found.images is not None
