"""A case from its files to what the network sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import ndimage, stats
from skimage.transform import resize

from ricenet_v2.core.errors import DatasetError
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.pipeline import preprocess, preprocess_channels
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.images import write_image

GRID = Grid((10, 12, 11), (3.0, 2.0, 2.5), (-4.0, 5.0, 6.0))
DIVISOR = 70.0
MRI = ChannelPlan("T1c", "mri", "cubic", Normalisation("zscore"))
MASK = ChannelPlan("lesion", "mask", "nearest", Normalisation("none"))


@pytest.fixture
def images() -> np.ndarray:
    """An MRI that is 0 at the rim, and a dose that is not."""
    rng = np.random.default_rng(5)
    made = np.zeros((2, *GRID.shape), dtype=np.float32)
    made[0, 1:-1, 2:-2, 1:-2] = rng.normal(400, 60, (8, 8, 8))
    made[1] = rng.uniform(0, 60, GRID.shape)
    return made


def write(folder: Path, images: np.ndarray, grid: Grid = GRID) -> list[Path]:
    paths = [folder / f"c_{index:04d}.nii.gz" for index in range(len(images))]
    for path, image in zip(paths, images, strict=True):
        write_image(path, image, grid)
    return paths


def test_a_case_against_scipy_step_by_step(images, make_plan):
    made, record = preprocess(images, GRID, make_plan(), "c")
    assert (record.crop_start, record.crop_stop) == ((1, 2, 1), (9, 10, 9))
    assert record.region == "non-zero voxels"
    box = images[:, 1:9, 2:10, 1:9].astype(float)
    size = (12, 8, 10)  # 8 voxels of 3, 2 and 2.5 mm at 2 mm
    mri = resize(box[0], size, 3, mode="edge", anti_aliasing=False)
    dose = resize(box[1], size, 1, mode="edge", anti_aliasing=False)
    expected = np.zeros((2, 16, 12, 14))
    expected[:, 2:14, 2:10, 2:12] = stats.zscore(mri, axis=None), dose / DIVISOR
    np.testing.assert_allclose(made, expected, atol=1e-4)
    assert made.dtype == np.float32
    assert record.shape == made.shape
    assert record.dose_maximum == {"dose": pytest.approx(images[1].max())}
    assert record.warnings == ()


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    seed=st.integers(0, 999),
    highest=st.floats(6, 80),
    lowest=st.floats(-5, 5),
    spacing=st.tuples(*[st.floats(0.9, 8)] * 3),
)
def test_dose_never_leaves_its_range_nor_goes_below_zero(
    images, make_plan, seed, highest, lowest, spacing
):
    dose = np.random.default_rng(seed).uniform(lowest, highest, GRID.shape).astype(np.float32)
    plan = make_plan(spacing=spacing, input_size=(30, 30, 30))
    made, record = preprocess(np.stack([images[0], dose]), GRID, plan, "c")
    assert made[1].min() >= 0
    assert made[1].max() * DIVISOR <= max(float(dose.max()), 0) * (1 + 1e-6)
    assert bool(record.warnings) == bool(dose.min() < 0)


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(gray=st.floats(0, 80), spacing=st.tuples(*[st.floats(0.9, 6)] * 3))
def test_30_gray_mean_30_gray_in_every_patient(images, make_plan, gray, spacing):
    images = np.stack([images[0], np.full(GRID.shape, gray, dtype=np.float32)])
    made, _ = preprocess(images, GRID, make_plan(spacing=spacing, input_size=(4, 4, 4)), "c")
    inside = made[1][made[0] != 0]
    np.testing.assert_allclose(inside * DIVISOR, gray, rtol=1e-6, atol=1e-30)


def test_prediction_reads_what_training_made(tmp_path, images, make_plan):
    plan = make_plan()
    paths = write(tmp_path, images)
    loaded, grid, brain = load_case(paths)
    assert brain is None
    whole, record = preprocess(loaded, grid, plan, "c")
    channels, beside = preprocess_channels(loaded, grid, plan, "c")
    for one, other in zip(whole, channels, strict=True):
        np.testing.assert_array_equal(one, other)
    assert record == beside


@pytest.mark.parametrize("code", ["RAS", "ASL", "PIR"])
def test_the_axes_of_the_file_do_not_matter(tmp_path, images, make_plan, code):
    plan = make_plan()
    paths = write(tmp_path, images)
    expected, record = preprocess(*load_case(paths)[:2], plan, "c")
    for path in paths:
        sitk.WriteImage(sitk.DICOMOrient(sitk.ReadImage(str(path)), code), str(path))
    made, turned = preprocess(*load_case(paths)[:2], plan, "c")
    np.testing.assert_array_equal(made, expected)
    assert (turned.crop_start, turned.source_grid_shape) == (record.crop_start, GRID.shape)


def test_the_brain_mask_decides_region_and_normalisation(tmp_path, images, make_plan):
    rng = np.random.default_rng(1)
    brain = ndimage.binary_opening(rng.random(GRID.shape) < 0.9)
    brain[:2], brain[:, :, 8:] = False, False
    paths = write(tmp_path, images)
    write_image(tmp_path / "c_brain.nii.gz", brain, GRID)
    loaded, grid, mask = load_case(paths, tmp_path / "c_brain.nii.gz")
    np.testing.assert_array_equal(mask, brain)
    plan = make_plan(spacing=GRID.spacing, input_size=GRID.shape)
    made, record = preprocess(loaded, grid, plan, "c", mask)
    assert record.region == "brain mask"
    starts, stops = zip(*[(w.min(), w.max() + 1) for w in np.nonzero(brain)], strict=True)
    assert (record.crop_start, record.crop_stop) == (starts, stops)
    inside = made[0][made[0] != 0]
    assert inside.size == np.count_nonzero(brain)
    assert inside.mean() == pytest.approx(0, abs=1e-5)
    assert inside.std() == pytest.approx(1, abs=1e-5)


def test_the_mean_intensity_is_that_of_the_region_without_the_air(images, make_plan):
    """In the units of the image; of the brain mask where there is one, and of no dose."""
    _, record = preprocess(images, GRID, make_plan(), "c")
    voxels = images[0][images[0] != 0].astype(float)
    assert record.intensity_mean == {"T1c": pytest.approx(voxels.mean(), rel=1e-6)}
    brain = np.zeros(GRID.shape, dtype=np.bool_)
    brain[3:6, 4:8, 0:6] = True
    _, record = preprocess(images, GRID, make_plan(), "c", brain)
    inside = images[0][3:6, 4:8, 0:6].astype(float)
    assert (inside == 0).any()
    assert record.intensity_mean == {"T1c": pytest.approx(inside.mean(), rel=1e-6)}


def test_labels_of_a_mask_channel_stay_labels(images, make_plan):
    labels = np.random.default_rng(2).integers(0, 4, GRID.shape).astype(np.float32)
    plan = make_plan(channels=(MRI, MASK), spacing=(1.7, 2.9, 1.1), input_size=(20, 20, 20))
    made, _ = preprocess(np.stack([images[0], labels]), GRID, plan, "c")
    assert set(np.unique(made[1])) == {0, 1, 2, 3}


@pytest.mark.parametrize("step", [1.0, 0.001])
def test_a_region_of_which_nothing_is_left_is_refused(make_plan, step):
    images = np.random.default_rng(3).normal(100, 10, (1, 9, 9, 9)).astype(np.float32)
    brain = np.zeros((9, 9, 9), dtype=np.bool_)
    brain[0, 0, 0] = brain[8, 8, 8] = True
    plan = make_plan(channels=(MRI,), spacing=(3.0, 3.0, 3.0), input_size=(3, 3, 3))
    with pytest.raises(DatasetError, match="Nothing is left") as told:
        preprocess(images, Grid((9, 9, 9), (step,) * 3), plan, "c", brain if step == 1 else None)
    assert told.value.case == "c"


@pytest.mark.parametrize("brain", [None, np.zeros((9, 9, 9), dtype=np.bool_)])
def test_an_empty_region_is_refused_with_the_case(make_plan, brain):
    plan = make_plan(channels=(MRI,), spacing=(3.0, 3.0, 3.0), input_size=(3, 3, 3))
    with pytest.raises(DatasetError, match=r"0 of 729 voxels") as told:
        preprocess(np.zeros((1, 9, 9, 9)), Grid((9, 9, 9), (1.0, 1.0, 1.0)), plan, "c", brain)
    assert told.value.case == "c"


def test_inputs_are_left_alone_and_may_be_of_another_type(images, make_plan):
    whole = np.round(images).astype(np.float32)
    before = whole.copy()
    for plan in (make_plan(), make_plan(spacing=GRID.spacing)):
        made, _ = preprocess(whole, GRID, plan, "c")
        np.testing.assert_array_equal(whole, before)
        np.testing.assert_array_equal(preprocess(whole.astype(np.int16), GRID, plan, "c")[0], made)


def test_what_had_to_be_changed_is_told(images, make_plan):
    images[1, 0, 0, :3] = -0.5
    _, record = preprocess(images, GRID, make_plan(input_size=(16, 7, 14)), "c")
    cut, negative = record.warnings
    assert "(12, 8, 10) voxels is larger than the input" in cut
    assert negative == "dose: 3 negative voxels were set to 0 Gy"


def test_the_channels_that_are_not_made_still_decide_the_region(images, make_plan):
    channels = (Channel("T1c", "mri"), Channel("dose", "dose"))
    whole, record = preprocess(images, GRID, make_plan(), "c")
    for index in (0, 1):
        plan = make_plan(channels=make_plan().channels[index : index + 1])
        made, beside = preprocess(images, GRID, plan, "c", channels=channels)
        np.testing.assert_array_equal(made, whole[index : index + 1])
        assert (beside.crop_start, beside.crop_stop) == (record.crop_start, record.crop_stop)
    turned, _ = preprocess(images[::-1], GRID, make_plan(), "c", channels=channels[::-1])
    np.testing.assert_array_equal(turned, whole)


def test_images_that_lack_a_channel_of_the_plan_are_refused(images, make_plan):
    channels = (Channel("T1c", "mri"), Channel("T2", "mri"))
    with pytest.raises(DatasetError, match="needs are not among") as caught:
        preprocess(images, GRID, make_plan(), "c7", channels=channels)
    assert (caught.value.case, caught.value.expected, caught.value.got) == (
        "c7",
        "T1c, dose",
        "T1c, T2",
    )


def test_a_wrong_number_of_channels_names_the_right_ones(images, make_plan):
    for wrong in (images[:1], np.concatenate([images, images]), images[:, 1:]):
        with pytest.raises(DatasetError, match="T1c, dose") as caught:
            preprocess(wrong, GRID, make_plan(), "c7")
        assert (caught.value.case, caught.value.got) == ("c7", wrong.shape)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_voxels_that_are_no_numbers_are_counted(images, make_plan, value):
    images[1, 4, 5, 6:8] = value
    with pytest.raises(DatasetError, match="Channel dose has voxels that are not numbers") as error:
        preprocess(images, GRID, make_plan(), "c7")
    assert error.value.case == "c7"
    assert error.value.got == "2 NaN or infinite voxels"


def test_images_are_known_again_whatever_plan_format_and_header(images, make_plan, tmp_path):
    before = preprocess(images, GRID, make_plan(), "c")[1].voxel_hashes
    assert set(before) == {"T1c", "dose"}
    other = make_plan(spacing=(2.0, 3.0, 2.0), input_size=(8, 8, 8))
    moved = Grid(GRID.shape, (1.0, 1.0, 1.0), (9.0, 9.0, 9.0))
    path = tmp_path / "x_0000.mha"
    stored = sitk.DICOMOrient(sitk.ReadImage(str(write(tmp_path, images)[0])), "RAI")
    sitk.WriteImage(stored, str(path))
    loaded, _, _ = load_case([path])
    channels = [Channel("T1c", "mri"), Channel("dose", "dose")]
    again = np.concatenate([loaded, np.zeros((1, *GRID.shape), np.float32)])
    record = preprocess(again, moved, other, "another", channels=channels)[1]
    # A constant image tells nothing.
    assert record.voxel_hashes == {"T1c": before["T1c"]}
    images[0, 5, 5, 5] += 1
    assert preprocess(images, GRID, make_plan(), "c")[1].voxel_hashes["T1c"] != before["T1c"]


def test_a_picture_of_one_value_inside_the_region_is_refused(images, make_plan):
    brain = np.zeros(GRID.shape, dtype=np.bool_)
    brain[3:7, 4:8, 3:7] = True
    preprocess(images, GRID, make_plan(), "c", brain)
    images[0][brain] = 400
    with pytest.raises(DatasetError, match="T1c has one value") as caught:
        preprocess(images, GRID, make_plan(), "c", brain)
    assert (caught.value.case, caught.value.got) == ("c", "400 in 64 voxels")
    # A dose may be the same in all of a small region.
    images[0][brain] = np.arange(64)
    images[1][brain] = 60
    preprocess(images, GRID, make_plan(), "c", brain)
