import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from ricenet_v2.training.augmentation.deform import deform
from ricenet_v2.training.augmentation.draw import Deformation, draw

SHAPE, SPACING = (14, 18, 11), (2.0, 1.0, 1.5)


def _images(seed: int = 0, shape=(2, *SHAPE)) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).random(shape, dtype=np.float32))


def _drawn(make_plan, everything, seed: int, **further):
    plan = make_plan(shape=SHAPE, spacing=SPACING, **(everything | further))
    return draw(plan, np.random.default_rng(seed))


def _reference(image, deformation):
    """scipy: source positions voxel by voxel in float64, the field by its own interpolation."""
    sizes, spacing = np.array(SHAPE), np.array(SPACING)
    voxels = np.stack(np.meshgrid(*(np.arange(n) for n in SHAPE), indexing="ij"))
    column = (slice(None), None, None, None)
    at = (voxels - (sizes[column] - 1) / 2) * spacing[column]
    source = np.einsum("ij,jzyx->izyx", deformation.matrix, at)
    n_points = deformation.displacement.shape[1]
    points = voxels * ((n_points - 1) / (sizes[column] - 1))
    for axis in range(3):
        source[axis] += ndimage.map_coordinates(deformation.displacement[axis], points, order=1)
    index = source / spacing[column] + (sizes[column] - 1) / 2
    padded = np.pad(image.astype(np.float64), 1)
    return ndimage.map_coordinates(padded, index + 1, order=1, mode="constant", cval=0)


@pytest.mark.parametrize("seed", range(3))
def test_sampling_is_that_of_scipy_with_0_outside(make_plan, everything, seed):
    deformation = _drawn(make_plan, everything, seed, elastic_mm=4.0).deformation
    images = _images(seed)
    made = deform(images, deformation, (), SPACING)
    for image, found in zip(images.numpy(), made.numpy(), strict=True):
        np.testing.assert_allclose(found, _reference(image, deformation), atol=2e-5)


def test_a_quarter_turn_and_a_shift_are_exact():
    images = _images(shape=(1, 9, 9, 9))
    quarter = Deformation(np.array([[1.0, 0, 0], [0, 0, -1], [0, 1, 0]]), None)
    made = deform(images, quarter, (), (1.0, 1.0, 1.0))
    expected = np.rot90(images[0].numpy(), -1, axes=(1, 2))
    np.testing.assert_allclose(made[0].numpy(), expected, atol=1e-5)
    shift = np.zeros((3, 6, 6, 6))
    shift[2] = 2.0
    made = deform(images, Deformation(np.eye(3), shift), (), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(made[0, ..., :-2], images[0, ..., 2:], atol=1e-5)
    assert torch.all(made[0, ..., -1] == 0)


@given(seed=st.integers(0, 1000), axes=st.sets(st.integers(0, 2)))
def test_mirroring_is_the_flip_bit_for_bit(make_plan, everything, seed, axes):
    images, dims = _images(seed), [1 + axis for axis in axes]
    deformation = _drawn(make_plan, everything, seed).deformation
    for drawn in (deformation, None):
        straight = deform(images, drawn, (), SPACING)
        mirrored = deform(images, drawn, sorted(axes), SPACING)
        assert torch.equal(mirrored, straight.flip(dims))


@given(seed=st.integers(0, 1000))
def test_channels_share_the_geometry_and_dose_keeps_its_range(make_plan, everything, seed):
    drawn = _drawn(make_plan, everything, seed, elastic_mm=10.0)
    one = _images(seed, (1, *SHAPE)) * 1.3
    both = deform(torch.cat([one, 2 * one]), drawn.deformation, drawn.mirrored, SPACING)
    assert torch.equal(2 * both[0], both[1])
    assert both[0].min() >= 0
    assert both[0].max() <= one.max() * (1 + 1e-5)


@given(seed=st.integers(0, 1000))
def test_labels_stay_labels(make_plan, everything, seed):
    drawn = _drawn(make_plan, everything, seed)
    labels = torch.from_numpy(np.random.default_rng(seed).choice([0.0, 1.0, 5.0], size=SHAPE))
    images = torch.cat([_images(seed), labels[None].float()])
    made = deform(images, drawn.deformation, (), SPACING, nearest=[2])
    assert set(made[2].unique().tolist()) <= {0.0, 1.0, 5.0}
    alone = deform(images[:2], drawn.deformation, (), SPACING)
    assert torch.equal(made[:2], alone)


@pytest.mark.parametrize("value", [1.0, -1.0])
def test_far_outside_there_is_0_in_every_channel(value):
    images = torch.full((2, 8, 8, 8), value)
    away = Deformation(np.eye(3), np.full((3, 6, 6, 6), 100.0))
    made = deform(images, away, (), (1.0, 1.0, 1.0), nearest=[1])
    assert torch.all(made == 0)


def test_the_largest_planned_deformation_folds_nothing(make_plan, everything):
    """Positions along each axis keep their order: the field is a one-to-one map."""
    ramp = torch.arange(32.0).view(1, 1, 1, 32).expand(1, 32, 32, 32) + 1
    plan = make_plan(shape=(32,) * 3, spacing=(4.0,) * 3, **everything)
    for seed in range(20):
        field = draw(plan, np.random.default_rng(seed)).deformation.displacement
        made = deform(ramp, Deformation(np.eye(3), field), (), plan.spacing)[0]
        inner = made[4:-4, 4:-4, 4:-4]
        assert torch.all(inner.diff(dim=2) > 0)


def test_an_axis_of_one_voxel_is_left_alone():
    images = _images(shape=(1, 1, 6, 6))
    made = deform(images, Deformation(np.eye(3), np.zeros((3, 6, 6, 6))), (), (1.0, 1.0, 1.0))
    np.testing.assert_allclose(made, images, atol=1e-6)
