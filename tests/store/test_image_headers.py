"""Headers that ITK reads without a word, and otherwise than they say."""

from __future__ import annotations

import gzip
import re
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError, GeometryError, RicenetError
from ricenet_v2.fingerprinting.checks_position import check_position
from ricenet_v2.fingerprinting.findings import Place
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.store.images import read_grid, read_image, read_whole_image
from ricenet_v2.store.stored_image import StoredImage

VOXELS = np.random.default_rng(0).integers(1, 1000, (6, 7, 8)).astype("<i2")
PACKED = zlib.compress(VOXELS.tobytes())
LOCAL = b"ElementDataFile = LOCAL\n"


def written(path: Path, *, compress: bool = False) -> bytes:
    """What SimpleITK writes of 8 x 7 x 6 voxels of 2 x 3 x 4 mm."""
    image = sitk.GetImageFromArray(VOXELS)
    image.SetSpacing((2, 3, 4))
    image.SetOrigin((5, 6, 7))
    sitk.WriteImage(image, str(path), useCompression=compress)
    return path.read_bytes()


def refused(path: Path, words: str, *, by_header: bool = True) -> RicenetError:
    """Every reader and the check refuse the file, in the same words."""
    for read in (read_whole_image, *((read_image, read_grid, StoredImage) if by_header else ())):
        with pytest.raises(RicenetError, match=words) as caught:
            read(path)
        assert caught.value.file == path
        assert caught.value.remedy
    seen = check_case(Case("p", "p", label=""), (Channel("T1c", "mri"),), [path])
    (fault,) = [one for one in seen.findings if one.severity == "error"]
    assert re.search(words, f"{fault.found} {fault.remedy}")
    assert fault.check in ("orientation", "unreadable file")
    return caught.value


def said_by_nobody(capfd: pytest.CaptureFixture[str]) -> None:
    assert capfd.readouterr().err == ""  # the libraries below write there by themselves


SIZES = {
    "is missing": b"",
    "Size is 06": b"CompressedDataSize = 0%d\n" % (len(PACKED) % 100),
    "is half": b"CompressedDataSize = %d\n" % (len(PACKED) // 2),
    "is twice": b"CompressedDataSize = %d\n" % (len(PACKED) * 2),
    "is one less": b"CompressedDataSize = %d\n" % (len(PACKED) - 1),
}


@pytest.mark.parametrize("name", ["a.mha", "a.mhd"])
@pytest.mark.parametrize("size", SIZES)
def test_the_compressed_size_is_that_of_the_file(tmp_path, capfd, name, size):
    path = tmp_path / name
    whole = written(path, compress=True)
    assert np.array_equal(read_whole_image(path)[0], VOXELS)
    changed = re.sub(rb"CompressedDataSize = \d+\n", SIZES[size], whole)
    assert changed != whole
    path.write_bytes(changed)
    refused(path, r"CompressedDataSize is \w+, and \d+ bytes")
    said_by_nobody(capfd)


def test_compressed_voxels_end_with_the_file(tmp_path, capfd):
    path = tmp_path / "a.mha"
    whole = written(path, compress=True)
    n = int(re.search(rb"CompressedDataSize = (\d+)", whole)[1])
    longer = whole.replace(b"CompressedDataSize = %d" % n, b"CompressedDataSize = %d" % (n + 8))
    path.write_bytes(longer + bytes(8))
    refused(path, "after the compressed voxels", by_header=False)
    whole = bytearray(whole)
    whole[-40:-30] = bytes(10)
    path.write_bytes(whole)
    refused(path, "damaged", by_header=False)
    said_by_nobody(capfd)


META = {
    "ElementSpacing twice": ("", "ElementSpacing = 9 9 9\n"),
    "DimSize twice": ("", "DimSize = 7 8 6\n"),
    "TransformMatrix twice": ("", "TransformMatrix = -1 0 0 0 1 0 0 0 1\n"),
    "CompressedData twice": ("", "CompressedData = True\n"),
    "Spacing twice": ("", "ElementSpacing : 9 9 9\n"),  # MetaIO takes a colon for the sign too
    "is no field: 'Remark'": ("Offset =", "Remark\nOffset ="),  # it drops the line behind
    "HeaderSize is 64": ("", "HeaderSize = 64\n"),
    "HeaderSize is -1": ("", "HeaderSize = -1\n"),
    "ElementToIntensityFunctionSlope = 0.01": ("", "ElementToIntensityFunctionSlope = 0.01\n"),
    "ElementToIntensityFunctionOffset = 3": ("", "ElementToIntensityFunctionOffset = 3\n"),
    "DistanceUnits = um": ("", "DistanceUnits = um\n"),
    "no ElementSpacing": ("ElementSpacing = 2 3 4\n", ""),
    "Spacing = -2 3 4": ("ElementSpacing = 2", "ElementSpacing = -2"),
    "Spacing is 'nan 3 4'": ("ElementSpacing = 2", "ElementSpacing = nan"),
    "Spacing is '2,3,4'": ("ElementSpacing = 2 3 4", "ElementSpacing = 2,3,4"),
    "Spacing is '2 3'": ("ElementSpacing = 2 3 4", "ElementSpacing = 2 3\n4"),
    "Rotation = -1 0 0": ("", "Rotation = -1 0 0 0 1 0 0 0 1\n"),
    "Orientation = -1 0 0": ("", "Orientation = -1 0 0 0 1 0 0 0 1\n"),
    "Position = 100 0 0": ("", "Position = 100 0 0\n"),
    "Origin = 100 0 0": ("", "Origin = 100 0 0\n"),  # MetaIO takes it before Offset
    "Offset is 'inf 6 7'": ("Offset = 5", "Offset = inf"),
    "AnatomicalOrientation = LPI": ("Orientation = RAI", "Orientation = LPI"),
    "AnatomicalOrientation = ARI": ("Orientation = RAI", "Orientation = ARI"),
    "lengths 2 x 3 x 4": ("TransformMatrix = 1 0 0 0 1 0 0 0 1", "Rotation = 2 0 0 0 3 0 0 0 4"),
    "contradict": ("", "ElementByteOrderMSB = True\n"),
    "BinaryData is 'yes'": ("BinaryData = True", "BinaryData = yes"),
    "no NDims": ("NDims", "ndims"),
    "NDims comes after": ("NDims = 3\n", "", "NDims = 3\n"),
    "99 axes": ("NDims = 3", "NDims = 99"),  # MetaIO then writes behind its memory
    "DimSize is '8 7 6 1'": ("DimSize = 8 7 6", "DimSize = 8 7 6 1"),
    "DimSize is '8 7 99999999999'": ("DimSize = 8 7 6", "DimSize = 8 7 99999999999"),
}


@pytest.mark.parametrize("words", META)
def test_a_metaimage_of_two_meanings_is_refused(tmp_path, capfd, words):
    path = tmp_path / "a.mha"
    text, _, voxels = written(path).partition(LOCAL)
    before, after, *more = META[words]
    head = text.decode()
    assert before in head
    head = head.replace(before, after, 1) + "".join(more) if before else head + after
    path.write_bytes(head.encode() + LOCAL + (bytes(64) if "Size is 64" in words else b"") + voxels)
    known = "no field: '4'" if words == "Spacing is '2 3'" else re.escape(words)
    refused(path, f"{known}|{re.escape(words)}")
    said_by_nobody(capfd)


@pytest.mark.parametrize("change", ["DistanceUnits = mm\n", "HeaderSize = 0\n", "Comment = a: b\n"])
def test_a_metaimage_without_doubt_is_read(tmp_path, change):
    path = tmp_path / "a.mha"
    text, _, voxels = written(path).partition(LOCAL)
    path.write_bytes(text + change.encode() + b"Remark = see ElementDataFile\n" + LOCAL + voxels)
    assert np.array_equal(read_whole_image(path)[0], VOXELS)
    path.write_bytes(text.replace(b"Spacing", b"Size") + LOCAL + voxels)
    assert read_grid(path).spacing == (4, 3, 2)


def test_whatever_direction_itk_writes_is_read(tmp_path):
    turns = [Rotation.random(random_state=n).as_matrix() for n in range(12)]
    turns += [Rotation.from_euler("z", 45, degrees=True).as_matrix()]
    turns += [Rotation.from_rotvec(np.full(3, np.pi / 3 / np.sqrt(3))).as_matrix()]
    turns += [np.eye(3)[:, [2, 0, 1]], np.diag([-1.0, 1, -1])]
    image = sitk.GetImageFromArray(VOXELS)
    for turn in [*turns, *(turn * (1, 1, -1) for turn in turns)]:
        image.SetDirection(turn.ravel().tolist())
        for name in ("a.mha", "a.nrrd", "a.nii"):
            sitk.WriteImage(image, str(tmp_path / name))
            assert read_image(tmp_path / name)[0].size == VOXELS.size


NRRD = {
    "scanner-xyz": ("left-posterior-superior", "scanner-xyz"),
    "space: 3D-right-handed": ("left-posterior-superior", "3D-right-handed"),
    "space units: .cm": ("endian", 'space units: "cm" "cm" "cm"\nendian'),
    "space units: .um": ("endian", 'space units: "um" "um" "um"\nendian'),
    "byte skip: 4": ("endian", "byte skip: 4\nendian"),
    "byte skip: -1": ("endian", "byteskip: -1\nendian"),
    "old min: 0": ("endian", "old min: 0\nold max: 1\nendian"),
    "sizes twice": ("endian", "sizes: 7 8 6\nendian"),
}


@pytest.mark.parametrize("words", NRRD)
def test_a_nrrd_of_another_space_is_refused(tmp_path, words):
    path = tmp_path / "a.nrrd"
    head, gap, voxels = written(path).partition(b"\n\n")
    before, after = (text.encode() for text in NRRD[words])
    assert before in head
    path.write_bytes(head.replace(before, after, 1) + gap + bytes(8) + voxels)
    refused(path, words)
    expected = GeometryError if "space" in words or "xyz" in words else DatasetError
    with pytest.raises(expected):
        read_grid(path)


@pytest.mark.parametrize("space", ["RAS", "left-anterior-superior", "LPS"])
def test_a_nrrd_of_the_patient_is_read(tmp_path, space):
    path = tmp_path / "a.nrrd"
    whole = written(path).replace(b"left-posterior-superior", space.encode())
    path.write_bytes(whole.replace(b"endian", b'space units: "mm" "mm" "mm"\nendian', 1))
    assert read_grid(path).spacing == (4, 3, 2)


@pytest.mark.parametrize(("name", "field"), [("a.nrrd", b"space origin"), ("a.mha", b"Offset")])
def test_a_position_that_is_taken_for_zero_is_told(tmp_path, name, field):
    path = tmp_path / name
    lines = written(path).splitlines(keepends=True)
    assert check_position(path, Place("p", name)) == []
    path.write_bytes(b"".join(line for line in lines if not line.startswith(field)))
    (finding,) = check_position(path, Place("p", name))
    assert (finding.severity, finding.check) == ("warning", "no position")
    assert field.decode() in finding.found
    assert "0, 0, 0 mm" in finding.remedy


SFORM = (2, 0, 0, 1, 0, 3, 0, 2, 0, 0, 4, 3)
NIFTI = {
    # Fields of nifti1.h: format, offset, values.
    "sform_code are both 0": [("8h", 40, 4, 8, 7, 6, 1, 1, 1, 1), ("2h", 252, 0, 0)],
    "_code are both 0": [("8h", 40, 5, 8, 7, 6, 1, 1, 1, 1), ("2h", 252, 0, 0)],
    "pixdim -2 x 3 x 4": [
        *(("8h", 40, 4, 8, 7, 6, 1, 1, 1, 1), ("2h", 252, 1, 0), ("2f", 76, 1, -2)),
    ],
    "pixdim 9 x 9 x 9": [
        *(("8h", 40, 4, 8, 7, 6, 1, 1, 1, 1), ("2h", 252, 0, 1), ("4f", 76, 1, 9, 9, 9)),
    ],
    "two conflicting": [("8h", 40, 4, 8, 7, 6, 1, 1, 1, 1), ("2h", 252, 1, 1), ("f", 280, -50)],
    "dim. are 4, 8, 7, 6, 0": [("8h", 40, 4, 8, 7, 6, 0, 1, 1, 1)],
    "vox_offset is 0, ": [("f", 108, 0)],
    "vox_offset is 351, ": [("f", 108, 351)],
    "vox_offset is 352.5, ": [("f", 108, 352.5)],
    "magic is ni1": [("4s", 344, b"ni1")],
    "xyzt_units. is 7": [("B", 123, 7)],
}


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("words", NIFTI)
def test_a_nifti_that_is_read_otherwise_than_it_says_is_refused(tmp_path, capfd, words, ending):
    content = bytearray(written(tmp_path / "plain.nii"))
    for form, at, *values in NIFTI[words]:
        struct.pack_into(f"<{form}", content, at, *values)
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".nii.gz" else content)
    refused(path, words)
    said_by_nobody(capfd)


@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
@pytest.mark.parametrize("change", ["fewer slices", "bytes behind"])
def test_a_nifti_holds_exactly_what_it_says(tmp_path, ending, change):
    content = bytearray(written(tmp_path / "plain.nii"))
    if change == "fewer slices":
        struct.pack_into("<h", content, 46, 5)
    else:
        content += bytes(8)
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(content) if ending == ".nii.gz" else content)
    claimed = 560 if change == "fewer slices" else 672
    refused(path, f"more than the {claimed} bytes of voxels", by_header=False)


def test_all_voxels_are_looked_at_whatever_bitpix_says(tmp_path):
    voxels = np.zeros((4, 5, 6), np.float32)
    voxels[-1, -1, -1] = np.nan
    sitk.WriteImage(sitk.GetImageFromArray(voxels), str(tmp_path / "a.nii"))
    content = bytearray((tmp_path / "a.nii").read_bytes())
    struct.pack_into("<h", content, 72, 8)
    (tmp_path / "a.nii").write_bytes(content)
    with pytest.raises(DatasetError, match="1 NaN"):
        read_whole_image(tmp_path / "a.nii")


def test_damage_to_a_compressed_nifti_is_called_so(tmp_path, capfd):
    content = bytearray(gzip.compress(written(tmp_path / "plain.nii")))
    content[-6] ^= 1
    (tmp_path / "a.nii.gz").write_bytes(content)
    fault = refused(tmp_path / "a.nii.gz", "compressed stream is damaged: CRC", by_header=False)
    assert "NiftiImageIO" not in str(fault)
    (tmp_path / "b.nii").write_bytes(gzip.compress((tmp_path / "plain.nii").read_bytes()))
    refused(tmp_path / "b.nii", "its name does not say so")
    said_by_nobody(capfd)
