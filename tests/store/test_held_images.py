"""Images that a program holds are read as their files are."""

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.held_images import held_image, to_lps
from ricenet_v2.store.images import read_image, write_image
from tests.pretended_images import Affine, affine_image, tilted

CODES = ["LPS", "RAS", "ASL", "PIR", "SRA", "LPI"]


@pytest.mark.parametrize("code", CODES)
def test_an_image_is_read_as_its_file_whichever_way_its_axes_run(tmp_path, code):
    image = tilted(code)
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    voxels, grid = read_image(tmp_path / "a.nii.gz")
    stored = Grid(
        image.GetSize()[::-1], image.GetSpacing()[::-1], image.GetOrigin(), image.GetDirection()
    )
    for own, lying in (
        read_image(image),
        held_image(affine_image(image)),
        to_lps(sitk.GetArrayFromImage(image), stored),
    ):
        np.testing.assert_array_equal(own, voxels)
        assert own.dtype == np.float32
        assert lying.shape == grid.shape
        assert lying.distance(grid) < 1e-3


def test_a_single_time_point_is_an_image():
    image = affine_image(tilted("RAS"))
    voxels, _ = held_image(image)
    image.dataobj = image.dataobj[..., None]
    np.testing.assert_array_equal(held_image(image)[0], voxels)


def test_units_of_a_header_are_millimetres_afterwards():
    image = affine_image(tilted("RAS"), units="micron")
    _, grid = held_image(image)
    assert grid.spacing == pytest.approx((3e-3, 2e-3, 1e-3))


def _image(**changes):
    return affine_image(tilted("LPS"), **changes)


SHEARED = np.array([[2.0, 0.5, 0, 0], [0, 2.0, 0, 0], [0, 0, 2.0, 0], [0, 0, 0, 1]])
GRID = Grid((4, 5, 6), (1.0, 1.0, 1.0))


@pytest.mark.parametrize(
    ("image", "error", "said"),
    [
        (lambda: sitk.Image([4, 4, 4, 2], sitk.sitkFloat32), DatasetError, "4 axes"),
        (lambda: sitk.Image([4, 4], sitk.sitkFloat32), DatasetError, "2 axes"),
        (lambda: sitk.Image([4, 4, 4], sitk.sitkVectorUInt8, 3), DatasetError, "3 components"),
        (lambda: sitk.Image([4, 4, 4], sitk.sitkComplexFloat32), DatasetError, "complex"),
        (lambda: Affine(np.zeros((4, 4, 4, 2)), np.eye(4)), DatasetError, r"\(4, 4, 4, 2\)"),
        (lambda: Affine(np.zeros((4, 4, 4), complex), np.eye(4)), DatasetError, "complex128"),
        (lambda: Affine(np.zeros((4, 4, 4)), None), GeometryError, "no voxel size"),
        (lambda: Affine(np.zeros((4, 4, 4)), np.eye(4) * np.nan), GeometryError, "no voxel size"),
        (lambda: Affine(np.zeros((4, 4, 4)), np.zeros((4, 4))), GeometryError, "no direction"),
        (lambda: Affine(np.zeros((4, 4, 4)), SHEARED), GeometryError, "right angles"),
        (lambda: np.zeros((4, 4, 4)), DatasetError, "got: ndarray"),
        (lambda: _image(codes=(0, 0)), GeometryError, "are both 0"),
        (lambda: _image(codes=(1, 1), qform=np.eye(4)), GeometryError, "two conflicting"),
    ],
)
def test_what_is_no_volume_or_lies_in_doubt_is_refused(image, error, said):
    with pytest.raises(error, match=said):
        held_image(image())


def test_an_array_must_fit_its_grid():
    with pytest.raises(DatasetError, match=r"\(4, 5, 6\) \(z, y, x\)"):
        to_lps(np.zeros((6, 5, 4)), GRID)
    sheared = Grid((4, 5, 6), (1.0, 1.0, 1.0), direction=(1, 0.3, 0, 0, 1, 0, 0, 0, 1))
    with pytest.raises(GeometryError, match="right angles"):
        to_lps(np.zeros((4, 5, 6)), sheared)


def test_what_was_read_is_written_where_it_lay(tmp_path):
    voxels, grid = read_image(affine_image(tilted("RAS")))
    write_image(tmp_path / "a.nii.gz", voxels, grid)
    again, lying = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(again, voxels)
    assert lying.distance(grid) < 1e-3
