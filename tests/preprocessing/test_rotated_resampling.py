"""Images that lie tilted, brought to the axes of the patient in one resampling."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import SimpleITK as sitk
from scipy import ndimage
from scipy.spatial.transform import Rotation

from ricenet_v2.core import documents
from ricenet_v2.core.grid import Grid
from ricenet_v2.preprocessing.pipeline import preprocess
from ricenet_v2.preprocessing.resampling_route import ResamplingRoute, straight_box
from ricenet_v2.preprocessing.rotated_resampling import background, carry, carry_mask
from ricenet_v2.records.dataset import Channel
from ricenet_v2.records.plan_parts import ChannelPlan, Normalisation
from ricenet_v2.records.voxels import voxels_hash
from ricenet_v2.store.case_images import load_case
from ricenet_v2.store.images import write_image
from ricenet_v2.voxels.boxes import patient_box

MRI = ChannelPlan("T1c", "mri", "cubic", Normalisation("none"))
DOSE = ChannelPlan("dose", "dose", "linear", Normalisation("none"))
MASK = ChannelPlan("lesion", "mask", "nearest", Normalisation("none"))
CHANNELS = (Channel("T1c", "mri"), Channel("dose", "dose"), Channel("lesion", "mask"))
CENTRE = np.array([6.0, -9.0, 14.0])
MARKER = CENTRE + np.array(
    [7.0, -5.0, 4.0]
)  # left, in front, above: it tells each axis and its sign


def rotation(degrees, axis="x"):
    return Rotation.from_euler(axis, degrees, degrees=True).as_matrix()


def grid_of(matrix, shape=(30, 30, 30), spacing=(1.5, 1.5, 1.5)):
    """A grid whose middle lies at CENTRE."""
    half = (np.array(shape) - 1) / 2 * spacing
    return Grid(shape, spacing, tuple(CENTRE - matrix @ half[::-1]), tuple(matrix.ravel()))


def world_of(grid):
    """mm of every voxel, shape (z, y, x, 3), from the 4 x 4 matrix of ITK's convention."""
    affine = np.eye(4)
    affine[:3, :3] = np.reshape(grid.direction, (3, 3)) * np.array(grid.spacing[::-1])
    affine[:3, 3] = grid.origin
    z, y, x = np.indices(grid.shape)
    points = np.stack([x, y, z, np.ones_like(x)], axis=-1) @ affine.T
    return points[..., :3]


def head(places):
    """A smooth head with a marker, as a function of mm."""
    away = np.linalg.norm(places - CENTRE, axis=-1)
    near = np.linalg.norm(places - MARKER, axis=-1)
    return 100 / (1 + np.exp((away - 14) / 1.5)) + 400 * np.exp(-((near / 4) ** 2))


def dose(places):
    return 30 + places @ (0.5, -0.3, 0.8)


def phantom(grid):
    places = world_of(grid)
    lesion = np.linalg.norm(places - MARKER, axis=-1) < 4
    brain = np.linalg.norm(places - CENTRE, axis=-1) < 14
    return np.stack([head(places), dose(places), lesion]).astype(np.float32), brain


@pytest.fixture
def straight_plan(make_plan):
    """A plan of three channels that are not normalised."""

    def make(straighten=True, spacing=(1.5, 1.5, 1.5), size=(28, 28, 28)):
        plan = make_plan(spacing=spacing, input_size=size)
        return dataclasses.replace(plan, channels=(MRI, DOSE, MASK), straighten=straighten)

    return make


def where(record, plan):
    """mm of every voxel of the region, and how many voxels of padding lie before it."""
    made = ResamplingRoute.of(record, plan.spacing).made
    return world_of(made), [(a - b) // 2 for a, b in zip(plan.input_size, made.shape, strict=True)]


@pytest.mark.parametrize("axis", ["x", "y", "z"])
@pytest.mark.parametrize("degrees", [0, 10, 20, 40, 44, 46, 90])
def test_every_place_of_the_patient_is_where_it_was_in_mm(degrees, axis, straight_plan, tmp_path):
    """Files written tilted; what the network sees against the truth, computed from mm."""
    images, brain = phantom(grid := grid_of(rotation(degrees, axis)))
    paths = []
    for number, voxels in enumerate((*images, brain)):
        image = sitk.GetImageFromArray(voxels.astype(np.float32))
        image.SetSpacing(grid.spacing[::-1])
        image.SetOrigin(grid.origin)
        image.SetDirection(grid.direction)
        paths.append(tmp_path / f"c_{number:04d}.nii.gz")
        sitk.WriteImage(image, str(paths[-1]))
    loaded, own, mask = load_case(paths[:3], paths[3])
    plan = straight_plan()
    made, record = preprocess(loaded, own, plan, "c", mask, channels=CHANNELS)
    assert (record.straight is None) == (degrees % 90 == 0)
    places, pads = where(record, plan)
    box = tuple(slice(p, p + n) for p, n in zip(pads, places.shape[:3], strict=True))
    # The axes of the array run to left, posterior and superior.
    for number, world in enumerate((2, 1, 0)):
        along = np.diff(places, axis=number)
        assert (along[..., world] > 1).all()
        assert np.abs(np.delete(along, world, axis=-1)).max() < 1e-3
    seen_mri, seen_dose, seen_lesion = (channel[box] for channel in made)
    # No value leaves the range of the file.
    assert np.abs(seen_mri - np.minimum(head(places), images[0].max())).max() < 7  # of 500
    np.testing.assert_allclose(seen_dose, dose(places), atol=0.02)
    brightest = places[np.unravel_index(seen_mri.argmax(), seen_mri.shape)]
    assert np.linalg.norm(brightest - MARKER) < 0.75 * np.sqrt(3)
    centre = places[seen_lesion > 0.5].mean(axis=0)
    assert np.linalg.norm(centre - MARKER) < 0.6
    assert set(np.unique(seen_lesion)) == {0, 1}
    sphere = places[seen_mri > 60]
    assert np.linalg.norm((sphere.min(axis=0) + sphere.max(axis=0)) / 2 - CENTRE) < 1.5


def test_two_patients_who_differ_by_two_degrees_are_seen_alike(straight_plan, tmp_path):
    """Around 45 degrees, where axes are swapped otherwise: the fault and its cure."""
    seen = {True: [], False: []}
    for degrees in (44, 46):
        images, brain = phantom(grid := grid_of(rotation(degrees)))
        path = tmp_path / f"{degrees}.nii.gz"
        write_image(path, images[0], grid)
        write_image(tmp_path / "brain.nii.gz", brain, grid)
        loaded, own, mask = load_case([path], tmp_path / "brain.nii.gz")
        for straighten, made in seen.items():
            plan = dataclasses.replace(straight_plan(straighten), channels=(MRI,))
            made.append(preprocess(loaded, own, plan, "c", mask)[0].ravel())
    alike = {straighten: np.corrcoef(*made)[0, 1] for straighten, made in seen.items()}
    assert alike[True] > 0.99
    assert alike[False] < 0.9


@pytest.mark.parametrize("interpolation", ["cubic", "linear", "nearest"])
def test_values_against_scipy(interpolation):
    rng = np.random.default_rng(3)
    source = grid_of(rotation(25, "z") @ rotation(-15), shape=(12, 14, 13))
    image = rng.normal(50, 20, source.shape).astype(np.float32)
    target = Grid((9, 11, 10), (1.5, 1.5, 1.5), tuple(CENTRE - 7))
    order = {"cubic": 3, "linear": 1, "nearest": 0}[interpolation]
    affine = np.reshape(source.direction, (3, 3)) * np.array(source.spacing[::-1])
    index = np.linalg.solve(affine, (world_of(target) - source.origin).reshape(-1, 3).T)[::-1]
    expected = ndimage.map_coordinates(image.astype(float), index, order=order, mode="nearest")
    ends = np.array(source.shape)[:, None] - 0.5
    expected[((index < -0.5) | (index > ends)).any(axis=0)] = -7
    np.clip(expected, image.min(), image.max(), out=expected, where=expected != -7)
    made = carry(image, source, target, interpolation, -7.0)
    np.testing.assert_allclose(made, expected.reshape(target.shape), atol=2e-3)
    mask = carry_mask(image > 50, source, target)
    nearest = carry((image > 50).astype(np.float32), source, target, "nearest", 0.0)
    np.testing.assert_array_equal(mask, nearest > 0.5)


def test_between_thick_slices_values_are_joined_linearly():
    """A spline in plane and a straight line between slices: against scipy slice by slice."""
    rng = np.random.default_rng(5)
    source = Grid((6, 14, 13), (6.0, 1.0, 1.0), tuple(CENTRE), tuple(rotation(7, "z").ravel()))
    image = rng.normal(50, 20, source.shape).astype(np.float32)
    target = Grid((9, 8, 8), (3.1, 1.0, 1.0), tuple(CENTRE + np.array([2, 3, 1.3])))
    affine = np.reshape(source.direction, (3, 3)) * np.array(source.spacing[::-1])
    z, y, x = np.linalg.solve(affine, (world_of(target) - source.origin).reshape(-1, 3).T)[::-1]
    planes = [
        ndimage.map_coordinates(one.astype(float), (y, x), order=3, mode="nearest") for one in image
    ]
    expected = np.array(
        [np.interp(at, np.arange(6), [plane[n] for plane in planes]) for n, at in enumerate(z)]
    )
    expected = np.clip(expected, image.min(), image.max()).reshape(target.shape)
    made = carry(image, source, target, "cubic", 0.0)
    # At the very planes of the file the spline along z has a rounding of its own.
    np.testing.assert_allclose(made, expected, atol=5e-3)


def test_resolution_is_lost_smoothly_as_along_the_axes():
    """Noise of deviation 1 falls as much as where the axes are parallel."""
    rng = np.random.default_rng(1)
    shape = (40, 40, 40)
    image = rng.normal(0, 1, shape).astype(np.float32)
    target = Grid((8, 8, 8), (3.0, 3.0, 3.0), tuple(CENTRE - 10.5))
    upright = carry(image, grid_of(np.eye(3), shape, (1.0,) * 3), target, "cubic", 0.0)
    tilted = carry(image, grid_of(rotation(30), shape, (1.0,) * 3), target, "cubic", 0.0)
    assert upright.std() < 0.3
    assert tilted.std() == pytest.approx(upright.std(), rel=0.15)


def test_an_upright_case_is_made_bit_for_bit_as_without(straight_plan):
    images, brain = phantom(grid := grid_of(np.eye(3)))
    plain, before = preprocess(images, grid, straight_plan(False), "c", brain, channels=CHANNELS)
    made, record = preprocess(images, grid, straight_plan(), "c", brain, channels=CHANNELS)
    np.testing.assert_array_equal(made, plain)
    assert record == dataclasses.replace(before, plan_hash=record.plan_hash)
    assert record.plan_hash != before.plan_hash


def test_the_box_holds_the_region_and_no_more():
    grid = grid_of(rotation(30, "y"), spacing=(1.0, 2.0, 1.5))
    _, brain = phantom(grid)
    low, high = patient_box(brain, grid)
    steps = np.reshape(grid.direction, (3, 3)) * np.array(grid.spacing[::-1])
    offsets = np.stack(np.meshgrid(*[(-0.5, 0.5)] * 3), axis=-1).reshape(-1, 3) @ steps.T
    corners = (world_of(grid)[brain][:, None] + offsets).reshape(-1, 3)
    np.testing.assert_allclose(low, corners.min(axis=0))
    np.testing.assert_allclose(high, corners.max(axis=0))
    box = straight_box(low, high, (2.0, 1.0, 1.5))
    faces = np.array(box.origin) - np.array(box.spacing[::-1]) / 2
    np.testing.assert_allclose(faces, low)
    np.testing.assert_allclose(faces + np.array(box.shape[::-1]) * box.spacing[::-1], high)


def test_beyond_the_image_there_is_no_dose_and_what_surrounds_the_patient(straight_plan):
    grid = grid_of(rotation(40), shape=(20, 20, 20))
    air, brain = np.full(grid.shape, -1000, np.float32), np.ones(grid.shape, bool)
    air[8:12, 8:12, 8:12] = 40
    images = np.stack([air, np.full(grid.shape, 50, np.float32), brain.astype(np.float32)])
    images[1, 0, 0, 0] = 49
    plan = straight_plan(size=(64, 64, 64))
    made, record = preprocess(images, grid, plan, "c", brain, channels=CHANNELS)
    z, y, x = record.straight.shape
    assert (z, y) > grid.shape[:2]
    corner = made[:, (64 - z) // 2, (64 - y) // 2, (64 - x) // 2]
    np.testing.assert_array_equal(corner, (-1000, 0, 0))
    assert background(air) == -1000


def test_hashes_of_plans_without_it_stay(straight_plan):
    plan = straight_plan(False)
    assert documents.fingerprint_of(plan) != documents.fingerprint_of(straight_plan())
    assert "straighten" not in documents.to_text(plan)
    assert '"straighten": true' in documents.to_text(straight_plan())
    assert voxels_hash(plan) != voxels_hash(straight_plan())
