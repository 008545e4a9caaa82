"""From the images to the network's voxels and back."""

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from ricenet_v2.core.grid import Grid
from ricenet_v2.explanation.space import Space
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
from ricenet_v2.store.images import read_image, write_image, write_image_like

MRI = ChannelPlan("T1c", "mri", "linear", Normalisation("none"))


@st.composite
def cases(draw):
    """An oblique anisotropic grid, a head in it, a landmark in the head, spacing and input size."""
    shape = tuple(draw(st.integers(16, 26)) for _ in range(3))
    spacing = tuple(draw(st.floats(0.8, 3.0)) for _ in range(3))
    turns = Rotation.from_euler("xyz", [draw(st.floats(-25, 25)) for _ in range(3)], degrees=True)
    grid = Grid(shape, spacing, (3.0, -7.0, 11.0), tuple(turns.as_matrix().ravel()))
    start = tuple(draw(st.integers(1, 4)) for _ in range(3))
    stop = tuple(n - draw(st.integers(1, 4)) for n in shape)
    at = tuple(draw(st.integers(a + 3, b - 4)) for a, b in zip(start, stop, strict=True))
    target = tuple(draw(st.floats(1.2, 2.4)) for _ in range(3))
    return grid, start, stop, at, target, draw(st.sampled_from(["LPS", "RAS", "PIR", "SAL"]))


def _made(grid, start, stop, at, target, make_plan):
    """The preprocessed case: a smooth bright spot at the landmark, and where that was."""
    places = np.stack(np.meshgrid(*map(np.arange, grid.shape), indexing="ij"), axis=-1)
    away = ((places - at) * grid.spacing) ** 2
    head = np.zeros(grid.shape, dtype=bool)
    head[tuple(map(slice, start, stop))] = True
    wide = 2 * max(*grid.spacing, *target)
    image = np.where(head, 1 + 9 * np.exp(-away.sum(-1) / (2 * wide**2)), 0).astype(np.float32)
    plan = dataclasses.replace(
        make_plan(("mri",), shape=(66, 64, 65), spacing=target), channels=(MRI,)
    )
    array, record = preprocess(image[None], grid, plan, "a", head)
    return array[0], Space.of(record, plan), image


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(case=cases())
def test_a_landmark_comes_back_to_its_place_in_the_patient(case, make_plan, tmp_path_factory):
    grid, start, stop, at, target, code = case
    seen, space, _ = _made(grid, start, stop, at, target, make_plan)
    truth = grid.world(at)
    half = np.linalg.norm(space.step) / 2
    brightest = np.unravel_index(int(seen.argmax()), seen.shape)
    assert np.linalg.norm(space.world(brightest) - truth) <= half + 0.1
    folder = tmp_path_factory.mktemp("landmark")
    write_image(folder / "lps.nii.gz", np.zeros(grid.shape, np.float32), grid)
    stored = sitk.DICOMOrient(sitk.ReadImage(str(folder / "lps.nii.gz")), code)
    sitk.WriteImage(stored, str(folder / "image.nii.gz"))
    assert read_image(folder / "image.nii.gz")[1].distance(grid) < 1e-2
    write_image_like(folder / "map.nii.gz", space.to_images(seen), folder / "image.nii.gz")
    # Found by SimpleITK alone, in the axes of the file: what a viewer of others would show.
    back = sitk.ReadImage(str(folder / "map.nii.gz"))
    assert back.GetSize() == stored.GetSize()
    array = sitk.GetArrayFromImage(back)
    z, y, x = np.unravel_index(int(array.argmax()), array.shape)
    place = back.TransformIndexToPhysicalPoint((int(x), int(y), int(z)))
    assert (
        np.linalg.norm(np.subtract(place, truth)) <= half + np.linalg.norm(grid.spacing) / 2 + 0.1
    )


def test_without_resampling_the_way_back_is_exact(make_plan):
    grid = Grid((18, 16, 20), (2.0, 1.0, 1.5))
    seen, space, image = _made(grid, (2, 3, 1), (15, 13, 18), (8, 7, 9), (2.0, 1.0, 1.5), make_plan)
    np.testing.assert_array_equal(space.to_images(seen), image)
    np.testing.assert_array_equal(space.to_network(image, "linear"), seen)
    np.testing.assert_array_equal(space.mask_to_network(image > 0), seen > 0)


def _rising(shape):
    """An image in which all voxels differ."""
    return np.arange(1, 1 + np.prod(shape), dtype=np.float32).reshape(shape)


def test_a_region_that_was_cut_at_the_rim_is_zero_there(make_plan):
    grid = Grid((40, 16, 16), (1.0, 1.0, 1.0))
    plan = dataclasses.replace(make_plan(("mri",), shape=(16, 16, 16)), channels=(MRI,))
    image = np.ones((1, *grid.shape), np.float32)
    image[0, 0, 0, 0] = 2  # cut away; an image of one value is refused
    array, record = preprocess(image, grid, plan, "a")
    made = Space.of(record, plan).to_images(array[0])
    assert made.sum() == pytest.approx(16**3)
    assert made[12:28].all()


@pytest.mark.parametrize("degrees", [0, 20, 44, 46])
@pytest.mark.parametrize("axis", ["x", "y", "z"])
def test_maps_of_straightened_images_go_back_to_the_place_in_mm(degrees, axis, make_plan, tmp_path):
    """A spot on the network's voxels, found again in the file by SimpleITK alone."""
    turn = Rotation.from_euler(axis, degrees, degrees=True).as_matrix()
    written = Grid((26, 24, 28), (1.5, 1.0, 1.25), (5.0, -8.0, 2.0), tuple(turn.ravel()))
    write_image(tmp_path / "image.nii.gz", _rising(written.shape), written)
    image, grid = read_image(tmp_path / "image.nii.gz")
    head = np.zeros(grid.shape, dtype=bool)
    head[5:-5, 4:-4, 5:-4] = True
    plan = make_plan(("mri",), shape=(50, 52, 54), spacing=(1.25, 1.25, 1.25))
    plan = dataclasses.replace(plan, channels=(MRI,), straighten=True)
    _, record = preprocess(image[None], grid, plan, "a", head)
    assert (record.straight is not None) == (degrees > 0)
    space = Space.of(record, plan)
    assert space.left == pytest.approx((0, 0, 1), abs=1e-6)
    at = tuple(n // 2 + shift for n, shift in zip(space.size, (1, -2, 2), strict=True))
    index = np.stack(np.indices(space.size), axis=-1)
    spot = np.exp(-(((index - at) ** 2).sum(axis=-1)) / 5).astype(np.float32)
    back = space.to_images(spot)
    write_image_like(tmp_path / "map.nii.gz", back, tmp_path / "image.nii.gz")
    stored = sitk.ReadImage(str(tmp_path / "map.nii.gz"))
    values = sitk.GetArrayFromImage(stored).astype(float)
    indices = np.stack(np.indices(values.shape), axis=-1).reshape(-1, 3)[:, ::-1]
    places = np.array([stored.TransformIndexToPhysicalPoint(i.tolist()) for i in indices])
    found = (places * values.reshape(-1, 1)).sum(axis=0) / values.sum()
    assert np.linalg.norm(found - space.world(at)) < 0.4
    # The same spot, drawn on the images as a mask, comes to the same voxels of the network.
    seen = np.argwhere(space.mask_to_network(back > 0.5)).mean(axis=0)
    assert np.linalg.norm(seen - at) < 0.5
    assert space.share_inside(back > 0.5) == 1
    beyond = np.zeros(grid.shape, dtype=bool)
    beyond[0, 0, 0] = beyond[tuple(np.array(grid.shape) // 2)] = True
    assert space.share_inside(beyond) == 0.5


def test_left_of_the_patient_in_tilted_images(make_plan):
    turn = Rotation.from_euler("zy", (25, 10), degrees=True).as_matrix()
    grid = Grid((9, 9, 9), (1.0,) * 3, (0.0,) * 3, tuple(turn.ravel()))
    plan = dataclasses.replace(make_plan(("mri",), shape=(9, 9, 9)), channels=(MRI,))
    _, record = preprocess(_rising((1, 9, 9, 9)), grid, plan, "a")
    steps = np.array([grid.world(tuple(axis)) for axis in np.eye(3)]) - grid.world((0, 0, 0))
    np.testing.assert_allclose(np.array(Space.of(record, plan).left) @ steps, (1, 0, 0), atol=1e-6)
