"""Reading and cropping the images of a case."""

import dataclasses

import numpy as np
import pytest

from ricenet_v2.core.errors import DatasetError, GeometryError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.cohort import inputs_hash
from ricenet_v2.records.cases import PreprocessedCase
from ricenet_v2.records.dataset import Case, Dataset
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.reporting.case.scan import crop, read_scan
from ricenet_v2.store.images import write_image
from ricenet_v2.store.raw import RawDataset, image_path, mask_path
from tests.reporting.case.conftest import CHANNELS, HOTTEST, SHAPE, SPACING
from tests.reporting.conftest import planned


def test_the_crop_leaves_eight_millimetres_around_the_brain_mask(scan):
    brain = np.zeros(SHAPE, bool)
    brain[10:20, 12:24, 8:16] = True
    cropped = crop(scan, brain)
    # 8 mm are 4 voxels of 2 mm, 6 of 1.5 mm (5.3 rounded up), 4 of 2.5 mm (3.2 rounded up).
    assert cropped.grid.shape == (18, 24, 16)
    np.testing.assert_array_equal(cropped.grid.world((0, 0, 0)), scan.grid.world((6, 6, 4)))
    np.testing.assert_array_equal(cropped.voxels[1], scan.voxels[1][6:24, 6:30, 4:20])
    assert cropped.lesion.shape == cropped.grid.shape


def test_the_dose_does_not_decide_the_crop(scan):
    mri = np.zeros(SHAPE, np.float32)
    mri[14:16, 17:19, 11:13] = 1
    everywhere = dataclasses.replace(scan, voxels=(mri, np.full(SHAPE, 1, np.float32)))
    assert crop(everywhere, None).grid.shape == (10, 14, 10)


def test_an_empty_image_is_not_cropped(scan):
    empty = dataclasses.replace(scan, voxels=(np.zeros(SHAPE, np.float32),) * 2)
    assert crop(empty, None).grid == scan.grid


def _raw(folder, scan, *, dose_shape=SHAPE):
    dataset = Dataset("Dataset001_Test", CHANNELS, ("first", "second"))
    images, grid = folder / "imagesTr", scan.grid
    write_image(image_path(images, "A", 0, ".nii.gz"), scan.voxels[0], grid)
    small = Grid(dose_shape, SPACING, grid.origin)
    dose = np.zeros(dose_shape, np.float32)
    dose[: scan.voxels[1].shape[0]] = scan.voxels[1] if dose_shape == SHAPE else 50
    write_image(image_path(images, "A", 1, ".nii.gz"), dose, small)
    write_image(mask_path(folder / "masksTr", "A", "lesion", ".nii.gz"), scan.lesion, grid)
    return RawDataset(folder, dataset, ()), Case("A", "A", "first")


def test_images_and_the_lesion_mask_are_read(tmp_path, scan):
    read = read_scan(*_raw(tmp_path, scan))
    assert [channel.name for channel in read.channels] == ["T1c_event", "dose"]
    assert read.lesion.sum() == scan.lesion.sum()
    inside = np.argwhere(read.lesion).mean(axis=0)
    np.testing.assert_allclose(read.grid.world(tuple(inside)), scan.grid.world(HOTTEST), atol=1)


def test_a_lesion_mask_or_map_of_the_same_shape_beside_the_images_is_not_shown(tmp_path, scan):
    raw, case = _raw(tmp_path, scan)
    x, y, z = scan.grid.origin
    beside = dataclasses.replace(scan.grid, origin=(x, y, z + 5))
    write_image(tmp_path / "map.nii.gz", scan.voxels[0], beside)
    read = read_scan(raw, case, [(None, tmp_path / "map.nii.gz")])
    assert read.maps == ()
    assert "grid differs" in read.left_out[0]
    write_image(raw.mask(case, "lesion"), scan.lesion, beside)
    with pytest.raises(GeometryError, match="lesion mask does not lie on the grid"):
        read_scan(raw, case)


def test_a_map_that_cannot_be_read_is_left_out_and_the_images_are_shown(tmp_path, scan, caplog):
    raw, case = _raw(tmp_path, scan)
    (tmp_path / "map.nii.gz").write_bytes(b"no image")
    read = read_scan(raw, case, [(None, tmp_path / "map.nii.gz")])
    assert read.maps == ()
    np.testing.assert_array_equal(read.voxels[0], read_scan(raw, case).voxels[0])
    assert "map.nii.gz is not shown" in caplog.text


def test_channels_that_do_not_lie_on_one_grid_are_refused(tmp_path, scan):
    raw, case = _raw(tmp_path, scan, dose_shape=(40, 36, 24))
    with pytest.raises(DatasetError, match="cannot be used") as caught:
        read_scan(raw, case)
    assert "A_0001.nii.gz" in caught.value.got


@pytest.mark.parametrize("channel", [0, 1])
def test_an_image_whose_end_is_cut_off_is_refused(tmp_path, scan, channel):
    """ITK fills with zeros what is missing, and says nothing."""
    raw, case = _raw(tmp_path, scan)
    path = raw.images(case)[channel]
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    with pytest.raises(DatasetError, match="cannot be used") as caught:
        read_scan(raw, case)
    assert caught.value.got.startswith(f"{path.name}: ")


def test_a_lesion_mask_or_map_whose_end_is_cut_off_is_not_shown(tmp_path, scan):
    raw, case = _raw(tmp_path, scan)
    lesion, cut = raw.mask(case, "lesion"), tmp_path / "map.nii.gz"
    content = lesion.read_bytes()
    cut.write_bytes(content[: len(content) // 2])
    read = read_scan(raw, case, [(None, cut)])
    assert read.maps == ()
    assert "map.nii.gz is not shown" in read.left_out[0]
    lesion.write_bytes(content[: len(content) // 2])
    with pytest.raises(DatasetError, match="cannot be read"):
        read_scan(raw, case)


def test_images_that_were_changed_since_they_were_preprocessed_are_told(tmp_path, scan):
    raw, case = _raw(tmp_path, scan)
    images, plan = raw.images(case), planned().plan
    record = PreprocessedCase(
        "A", (2, *SHAPE), SHAPE, SPACING, (0.0, 0.0, 0.0), (1.0, 0.0, 0.0) * 3, (0, 0, 0), SHAPE,
        "non-zero voxels", {}, (), inputs_hash(images, None, plan), voxels_hash(plan),
    )  # fmt: skip
    assert read_scan(raw, case, (), record, plan).flags == ()
    write_image(images[1], scan.voxels[1] / 2, scan.grid)
    assert "networks saw others" in read_scan(raw, case, (), record, plan).flags[0]
    older = dataclasses.replace(record, inputs_hash="")
    assert read_scan(raw, case, (), older, plan).flags == ()
