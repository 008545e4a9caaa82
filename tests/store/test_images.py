import os

import numpy as np
import pytest
import SimpleITK as sitk

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.store.images import read_grid, read_image, write_image, write_image_like


def oblique(code: str) -> sitk.Image:
    voxels = np.random.default_rng(0).random((4, 5, 6)).astype(np.float32)
    image = sitk.GetImageFromArray(voxels)
    image.SetSpacing((1.0, 2.0, 3.0))
    image.SetOrigin((5.0, -6.0, 7.0))
    c, s = np.cos(0.2), np.sin(0.2)
    image.SetDirection((c, -s, 0, s, c, 0, 0, 0, 1))
    return sitk.DICOMOrient(image, code)


@pytest.mark.parametrize("code", ["LPS", "RAS", "ASL", "PIR", "SRA"])
def test_each_voxel_keeps_its_place_in_the_patient(tmp_path, code):
    image = oblique(code)
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    voxels, grid = read_image(tmp_path / "a.nii.gz")
    for index in [(0, 0, 0), (1, 2, 3), (3, 4, 5)]:
        there = image.TransformPhysicalPointToIndex(grid.world(index).tolist())
        assert voxels[index] == pytest.approx(image[there])
    assert read_grid(tmp_path / "a.nii.gz").distance(grid) < 1e-3
    assert read_grid(tmp_path / "a.nii.gz").shape == grid.shape


def test_what_is_written_comes_back(tmp_path):
    grid = Grid((3, 4, 5), (3.0, 2.0, 1.5), (1.0, 2.0, 3.0))
    voxels = np.arange(60, dtype=np.float32).reshape(3, 4, 5)
    write_image(tmp_path / "a.nii.gz", voxels, grid)
    read, own = read_image(tmp_path / "a.nii.gz")
    np.testing.assert_array_equal(read, voxels)
    assert own.distance(grid) < 1e-4


def test_missing_flat_and_misfitting_images_are_refused(tmp_path):
    with pytest.raises(DatasetError, match="no such image"):
        read_image(tmp_path / "none.nii.gz")
    sitk.WriteImage(sitk.Image(4, 4, sitk.sitkFloat32), str(tmp_path / "flat.nii.gz"))
    with pytest.raises(DatasetError, match="three axes"):
        read_image(tmp_path / "flat.nii.gz")
    with pytest.raises(DatasetError, match="differ in shape"):
        write_image(tmp_path / "b.nii.gz", np.zeros((2, 2, 2)), Grid((2, 2, 3), (1.0, 1.0, 1.0)))
    with pytest.raises(DatasetError, match="as one file"):
        write_image(tmp_path / "b.mhd", np.zeros((2, 2, 2)), Grid((2, 2, 2), (1.0, 1.0, 1.0)))


@pytest.mark.parametrize("code", ["LPS", "RAS", "ASL", "PIR", "SRA"])
def test_voxels_go_back_to_the_axes_of_their_file(tmp_path, code):
    image = oblique(code)
    sitk.WriteImage(image, str(tmp_path / "a.nii.gz"))
    voxels, _ = read_image(tmp_path / "a.nii.gz")
    write_image_like(tmp_path / "b.nii.gz", voxels, tmp_path / "a.nii.gz")
    stored, again = (sitk.ReadImage(str(tmp_path / name)) for name in ("a.nii.gz", "b.nii.gz"))
    np.testing.assert_array_equal(sitk.GetArrayFromImage(again), sitk.GetArrayFromImage(stored))
    for fact in ("GetOrigin", "GetSpacing", "GetDirection"):
        assert getattr(again, fact)() == pytest.approx(getattr(stored, fact)(), abs=1e-6)
    with pytest.raises(DatasetError, match="differ in shape"):
        write_image_like(tmp_path / "b.nii.gz", voxels[1:], tmp_path / "a.nii.gz")


def test_a_path_that_is_not_text_is_refused_before_it_reaches_itk(tmp_path):
    """There it would end the process: no exception, std::logic_error."""
    write_image(
        tmp_path / "a.nii.gz", np.zeros((3, 4, 5), np.float32), Grid((3, 4, 5), (1.0, 1.0, 1.0))
    )
    odd = tmp_path / os.fsdecode(b"\xff.nii.gz")
    (tmp_path / "a.nii.gz").rename(odd)
    for read in (read_image, read_grid):
        with pytest.raises(DatasetError, match="path of this image is not text"):
            read(odd)
    with pytest.raises(DatasetError, match="path of this image is not text"):
        write_image(odd, np.zeros((3, 4, 5), np.float32), Grid((3, 4, 5), (1.0, 1.0, 1.0)))


def test_the_header_of_an_image_is_read_once(tmp_path, monkeypatch):
    from ricenet_v2.store import image_header, stored_image

    opened = []
    monkeypatch.setattr(
        stored_image,
        "open_header",
        lambda path: opened.append(path) or image_header.open_header(path),
    )
    write_image(tmp_path / "a.nii.gz", np.zeros((2, 3, 4)), Grid((2, 3, 4), (1.0, 1.0, 1.0)))
    image = stored_image.StoredImage(tmp_path / "a.nii.gz")
    assert image.scan().fault == ""
    assert image.grid.shape == image.read()[0].shape == (2, 3, 4)
    assert opened == [tmp_path / "a.nii.gz"]
