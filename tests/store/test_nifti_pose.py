"""Poses of NIfTI headers that are written by hand; what nibabel says of them stands beside."""

import gzip
import struct
from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from scipy.spatial.transform import Rotation

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.fingerprinting.integrity import check_case
from ricenet_v2.ingest.scan import scan
from ricenet_v2.records.dataset import Case, Channel
from ricenet_v2.store import image_header
from ricenet_v2.store.images import read_grid, read_image
from ricenet_v2.store.nifti import read_header
from ricenet_v2.store.stored_image import StoredImage

VOXELS = np.arange(120, dtype="<i2").reshape(4, 5, 6)
SFORM = (4, 0, 0, 1, 0, 4, 0, 2, 0, 0, 4, 3)
SHEAR = float(np.tan(np.radians(0.07)))


def nifti(path, order="<", **fields):
    """A file of 6 x 5 x 4 voxels from the fields of nifti1.h; 4 mm by default."""
    places = {"pixdim": ("8f", 76), "scl": ("2f", 112), "units": ("B", 123), "codes": ("2h", 252)}
    places |= {"quatern": ("6f", 256), "srow": ("12f", 280), "dim": ("8h", 40)}
    places |= {"kind": ("2h", 70), "offset": ("f", 108), "magic": ("4s", 344), "size": ("i", 0)}
    usual = {"pixdim": (1, 4, 4, 4, 0, 0, 0, 0), "codes": (1, 1), "srow": SFORM, "units": (2,)}
    usual |= {"quatern": (0, 0, 0, 1, 2, 3), "dim": (3, 6, 5, 4, 1, 1, 1, 1), "kind": (4, 16)}
    usual |= {"offset": (352,), "magic": (b"n+1",), "size": (348,)}
    header = bytearray(352)
    for name, values in (usual | fields).items():
        struct.pack_into(order + places[name][0], header, places[name][1], *values)
    content = bytes(header) + VOXELS.astype(f"{order}i2").tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix.lower() == ".gz" else content)
    return path


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz", "A.NII", "A.NII.GZ"])
@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 2)])
def test_a_pose_is_read_as_the_standard_says(tmp_path, name, order, codes):
    path = nifti(tmp_path / name, order, codes=codes)
    voxels, grid = read_image(path)
    assert StoredImage(path).axes == "RAS"
    # RAS (1, 2, 3) mm of the first voxel, and 4 mm to the next ones to the right and to the front.
    np.testing.assert_allclose(grid.world((0, 4, 5)), (-1, -2, 3))
    assert voxels[0, 4, 5] == VOXELS[0, 0, 0]
    np.testing.assert_allclose(grid.world((0, 4, 4)), (-5, -2, 3))
    assert voxels[0, 4, 4] == VOXELS[0, 0, 1]


@pytest.mark.parametrize("mirror", [False, True])
@pytest.mark.parametrize("degrees", [(0, 0, 0), (10, -20, 30), (180, 0, 0), (0, 90, 0)])
@pytest.mark.parametrize("codes", [(1, 1), (1, 0), (0, 1)])
def test_poses_that_itk_writes_agree(tmp_path, degrees, mirror, codes):
    path = tmp_path / "a.nii"
    image = sitk.GetImageFromArray(VOXELS)
    matrix = Rotation.from_euler("xyz", degrees, degrees=True).as_matrix()
    image.SetDirection((matrix * (1, 1, -1 if mirror else 1)).ravel().tolist())
    image.SetSpacing((0.9, 1.1, 4.0))
    image.SetOrigin((12.0, -30.0, 55.0))
    sitk.WriteImage(image, str(path))
    content = bytearray(path.read_bytes())
    struct.pack_into("<2h", content, 252, *codes)
    path.write_bytes(content)
    assert read_grid(path).shape == read_image(path)[1].shape


UNCLEAR = {
    # Field: what is refused; what nibabel 5.4 and ITK 5.4 make of it.
    "sform_code are both 0": {"codes": (0, 0)},  # nibabel has the first axis to the left, ITK too,
    # but the second to the front and to the back
    "pixdim 4 x 4 x 4, sform 9 x 9 x 9": {
        "codes": (0, 1),
        "srow": (9, 0, 0, 1, 0, 9, 0, 2, 0, 0, 9, 3),
    },  # nibabel 9 mm, ITK 4 mm
    "pixdim -4 x 4 x 4": {"codes": (1, 0), "pixdim": (1, -4, 4, 4, 0, 0, 0, 0)},  # ITK mirrors
    "pixdim 4 x 4 x -4": {"codes": (0, 1), "pixdim": (1, 4, 4, -4, 0, 0, 0, 0)},  # ITK mirrors
    "pixdim 0 x 4 x 4": {"codes": (0, 1), "pixdim": (1, 0, 4, 4, 0, 0, 0, 0)},  # ITK 1 mm
    "pixdim nan x 4 x 4": {"pixdim": (1, np.nan, 4, 4, 0, 0, 0, 0)},
    "quaternion nan x 0 x 0": {"codes": (1, 0), "quatern": (np.nan, 0, 0, 1, 2, 3)},  # ITK upright
    "quaternion 0.9 x 0.9 x 0": {"codes": (1, 0), "quatern": (0.9, 0.9, 0, 1, 2, 3)},
    "inf": {"codes": (0, 1), "srow": (4, 0, 0, np.inf, 0, 4, 0, 2, 0, 0, 4, 3)},
    "corners up to 5 mm apart": {"srow": (4, 0, 0, 6, 0, 4, 0, 2, 0, 0, 4, 3)},
    "sheared by 0.07 degrees": {
        "codes": (0, 1),
        "srow": (4, 4 * SHEAR, 0, 1, 0, 4, 0, 2, 0, 0, 4, 3),
    },
    "no direction": {"codes": (0, 1), "srow": (0,) * 12},
}


@pytest.mark.parametrize("told", UNCLEAR)
def test_a_pose_that_is_unclear_is_refused_by_every_reader(tmp_path, told):
    path = nifti(tmp_path / "p_0000.nii.gz", **UNCLEAR[told])
    for read in (read_image, read_grid, StoredImage):
        with pytest.raises(GeometryError) as caught:
            read(path)
        assert told in str(caught.value)
        assert caught.value.file == path
        assert caught.value.remedy
        assert "Copy" not in caught.value.remedy
    found = check_case(Case("p", "p", label=""), (Channel("T1c", "mri"),), [path])
    assert [(one.severity, one.check) for one in found.findings] == [("error", "orientation")]


def test_an_unused_pose_is_not_judged(tmp_path):
    path = nifti(tmp_path / "a.nii", codes=(1, 0), srow=(np.nan,) * 12)
    assert read_grid(path).spacing == (4, 4, 4)
    path = nifti(tmp_path / "a.nii", codes=(0, 1), quatern=(5, np.nan, 0, 0, 0, 0))
    assert read_grid(path).spacing == (4, 4, 4)


def test_a_reader_that_puts_voxels_elsewhere_is_found(tmp_path, monkeypatch):
    path = nifti(tmp_path / "a.nii")
    true = image_header.grid_of

    def shifted(image):
        grid = true(image)
        return type(grid)(grid.shape, grid.spacing, (1.0, -2.0, 3.0), grid.direction)

    monkeypatch.setattr(image_header, "grid_of", shifted)
    with pytest.raises(GeometryError, match="2 mm apart"):
        read_grid(path)


def test_units_of_length_are_those_of_the_header(tmp_path):
    micrometres = nifti(tmp_path / "a.nii", units=(3,))
    assert read_grid(micrometres).spacing == pytest.approx((0.004,) * 3)
    metres = nifti(tmp_path / "b.nii", units=(1,))
    assert read_grid(metres).spacing == pytest.approx((4000,) * 3)


@pytest.mark.parametrize("scl", [(0, 5), (np.nan, 5), (np.inf, 5), (1, np.nan), (2, np.inf)])
def test_a_scale_that_programs_read_otherwise_is_refused(tmp_path, scl):
    with pytest.raises(DatasetError, match="scl_slope"):
        read_image(nifti(tmp_path / "a.nii", scl=scl))


@pytest.mark.parametrize(
    ("scl", "first"), [((0, 0), 1), ((np.nan, np.nan), 1), ((2, 3), 5), ((-1, 0), -1)]
)
def test_a_scale_without_doubt_is_used(tmp_path, scl, first):
    voxels, _ = read_image(nifti(tmp_path / "a.nii", scl=scl))
    assert voxels[0, 4, 4] == first


@pytest.mark.parametrize("name", ["a.nii", "a.hdr"])
def test_analyze_is_refused_by_name(tmp_path, name):
    path = nifti(tmp_path / name, magic=(b"",))
    (tmp_path / "a.img").write_bytes(VOXELS.tobytes())
    for opened in (path, *([tmp_path / "a.img"] if name == "a.hdr" else [])):
        with pytest.raises(DatasetError, match="Analyze"):
            read_image(opened)


@pytest.mark.parametrize("ending", [".mha", ".nrrd"])
def test_sheared_axes_of_other_formats_are_refused(tmp_path, ending):
    image = sitk.GetImageFromArray(VOXELS)
    sitk.WriteImage(image, str(tmp_path / f"a{ending}"))
    whole = (tmp_path / f"a{ending}").read_bytes()
    before, after = {
        ".mha": (b"TransformMatrix = 1 0 0 0 1 0", b"TransformMatrix = 1 0 0 0.05 1 0"),
        ".nrrd": (b"(1,0,0) (0,1,0)", b"(1,0,0) (0.05,1,0)"),
    }[ending]
    assert before in whole
    (tmp_path / f"a{ending}").write_bytes(whole.replace(before, after))
    with pytest.raises(GeometryError, match=r"sheared by 2\.9 degrees"):
        read_image(tmp_path / f"a{ending}")


@pytest.mark.parametrize("content", [b"", b"short", b"\x1f\x8bno gzip at all", bytes(600)])
def test_what_is_no_header_is_told(tmp_path, content):
    (tmp_path / "a.nii.gz").write_bytes(content)
    with pytest.raises(DatasetError, match="cannot be read"):
        read_image(tmp_path / "a.nii.gz")


@pytest.mark.parametrize("offset", [np.inf, -1.0, np.nan, 1e30])
def test_voxels_begin_somewhere(tmp_path, offset):
    path = nifti(tmp_path / "a.nii", offset=(offset,))
    with pytest.raises(ValueError, match="vox_offset"):
        read_header(path, single=True)
    with pytest.raises(DatasetError, match="vox_offset"):
        read_image(path)


def test_nifti_2_is_refused_by_name(tmp_path):
    with pytest.raises(DatasetError, match="NIfTI-2"):
        read_image(nifti(tmp_path / "a.nii", size=(540,)))


@pytest.mark.parametrize(("mm", "is_one_pose"), [(0.09, True), (0.11, False)])
def test_two_poses_may_differ_by_a_tenth_of_a_millimetre(tmp_path, mm, is_one_pose):
    path = nifti(tmp_path / "a.nii", srow=(4, 0, 0, 1 + mm, 0, 4, 0, 2, 0, 0, 4, 3))
    if is_one_pose:
        assert read_grid(path).spacing == (4, 4, 4)
        return
    with pytest.raises(GeometryError, match=r"two conflicting orientations[\s\S]*0\.11 mm apart"):
        read_grid(path)


@pytest.mark.parametrize(("degrees", "is_one_pose"), [(0.21, True), (0.24, False)])
def test_the_farthest_corner_counts(tmp_path, degrees, is_one_pose):
    """Turned about the first voxel, that at (20, 16, z) mm moves by 25.6 mm times the angle."""
    far = 2 * np.sin(np.radians(degrees) / 2) * np.hypot(20, 16)
    assert (far <= 0.1) == is_one_pose
    cos, sin = 4 * np.cos(np.radians(degrees)), 4 * np.sin(np.radians(degrees))
    path = nifti(tmp_path / "a.nii", srow=(cos, -sin, 0, 1, sin, cos, 0, 2, 0, 0, 4, 3))
    if is_one_pose:
        assert read_grid(path).shape == (4, 5, 6)
        return
    with pytest.raises(GeometryError, match=f"{far:.3g} mm apart"):
        read_grid(path)


def test_a_fourth_axis_is_refused_where_it_has_several_volumes(tmp_path):
    one = nifti(tmp_path / "a.nii", dim=(4, 6, 5, 4, 1, 1, 1, 1))
    assert read_image(one)[0].shape == (4, 5, 6)
    two = nifti(tmp_path / "b.nii", dim=(4, 6, 5, 2, 2, 1, 1, 1))
    for read in (read_image, read_grid):
        with pytest.raises(DatasetError, match=r"three axes[\s\S]*4 axes"):
            read(two)


def test_what_is_refused_has_a_row_in_a_scan_that_says_why(tmp_path):
    (tmp_path / "p").mkdir()
    nifti(tmp_path / "p" / "a.nii")
    for name, fields in (("b", UNCLEAR["sform_code are both 0"]),
                         ("c", UNCLEAR["corners up to 5 mm apart"]),
                         ("d", {"dim": (4, 6, 5, 2, 2, 1, 1, 1)})):  # fmt: skip
        nifti(tmp_path / "p" / f"{name}.nii", **fields)
    verdicts = {Path(row.description).stem: row.verdict for row in scan(tmp_path).rows}
    assert verdicts == {
        "a": "volume",
        "b": "no volume: The header of this image does not define its orientation in the patient.",
        "c": "no volume: This header contains two conflicting orientations.",
        "d": "no volume: An image must have three axes and one component.",
    }
