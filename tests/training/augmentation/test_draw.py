import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from ricenet_v2.core.seeds import generator
from ricenet_v2.planning.spacing import thin_axis
from ricenet_v2.training.augmentation.deform import deform
from ricenet_v2.training.augmentation.draw import Intensity, draw, draw_named, kept_axis


def _parts(drawn):
    deformation = drawn.deformation
    if deformation is None:
        return None, drawn.mirrored, drawn.intensities, drawn.noise_seed
    field = deformation.displacement
    arrays = deformation.matrix.tolist(), None if field is None else field.tolist()
    return arrays, drawn.mirrored, drawn.intensities, drawn.noise_seed


@given(seed=st.integers(0, 2**31), epoch=st.integers(0, 999), position=st.integers(0, 999))
def test_the_same_names_give_the_same_draw(make_plan, everything, seed, epoch, position):
    plan = make_plan(**everything)
    first, again = (draw_named(plan, seed, epoch, position) for _ in range(2))
    assert _parts(first) == _parts(again)
    other = draw_named(plan, seed, epoch, position + 1)
    assert _parts(first) != _parts(other)


@given(seed=st.integers(0, 2**31))
def test_values_lie_in_the_ranges_of_the_plan_and_never_touch_dose_or_mask(
    make_plan, everything, seed
):
    plan = make_plan(kinds=("mri", "dose", "ct", "mask", "pet"), **everything)
    ranges = plan.training.augmentation
    drawn = draw(plan, np.random.default_rng(seed))
    assert drawn.intensities[1] == drawn.intensities[3] == Intensity()
    for one in (drawn.intensities[index] for index in (0, 2, 4)):
        assert 0 <= one.noise_std <= ranges.noise_std
        assert one.blur_sigma is None or 0.3 <= one.blur_sigma <= ranges.blur_sigma
        assert ranges.brightness[0] <= one.brightness <= ranges.brightness[1]
        assert ranges.contrast[0] <= one.contrast <= ranges.contrast[1]
        assert one.low_resolution is None or ranges.low_resolution <= one.low_resolution <= 1
        assert ranges.gamma[0] <= one.gamma <= ranges.gamma[1]
    zoom = np.cbrt(np.linalg.det(drawn.deformation.matrix))
    assert 1 / ranges.scaling[1] - 1e-9 <= zoom <= 1 / ranges.scaling[0] + 1e-9
    assert np.abs(drawn.deformation.displacement).max() <= ranges.elastic_mm


def test_rotations_are_of_degrees_in_the_range_of_the_plan(make_plan, nothing):
    """About the one axis that an image of thick slices is turned about; 200 draws."""
    plan = make_plan(spacing=(5.0, 1.0, 1.0), **{**nothing, "p_rotation": 1.0})
    random, most = np.random.default_rng(0), plan.training.augmentation.rotation_degrees
    matrices = np.array([draw(plan, random).deformation.matrix for _ in range(200)])
    degrees = np.degrees(np.arctan2(matrices[:, 2, 1], matrices[:, 1, 1]))
    np.testing.assert_allclose(np.linalg.det(matrices), 1)
    assert 0.9 * most < degrees.max() <= most
    assert -most <= degrees.min() < -0.9 * most
    assert stats.kstest(degrees, "uniform", (-most, 2 * most)).pvalue > 0.01


def test_a_factor_above_1_enlarges(make_plan, nothing):
    """An output voxel is then read nearer to the centre."""
    plan = make_plan(**{**nothing, "p_scaling": 1.0, "scaling": (1.25, 1.6)})
    random = np.random.default_rng(0)
    read_at = np.array([np.diag(draw(plan, random).deformation.matrix) for _ in range(50)])
    np.testing.assert_array_equal(read_at, read_at[:, :1].repeat(3, axis=1))
    assert 1 / 1.6 <= read_at.min() < 0.7
    assert 0.75 < read_at.max() <= 1 / 1.25


def test_nothing_is_drawn_where_nothing_is_probable(make_plan, nothing):
    drawn = draw(make_plan(**nothing), generator(0))
    assert drawn.deformation is None
    assert drawn.mirrored == ()
    assert set(drawn.intensities) == {Intensity()}


def test_each_change_happens_as_often_as_the_plan_says(make_plan):
    plan = make_plan(kinds=("mri",))
    draws = [draw_named(plan, 0, n) for n in range(2000)]
    shares = {
        "noise_std": plan.training.augmentation.p_noise,
        "blur_sigma": plan.training.augmentation.p_blur / 2,
        "gamma": plan.training.augmentation.p_gamma,
    }
    for name, share in shares.items():
        found = np.mean([getattr(one.intensities[0], name) is not None for one in draws])
        # Four standard deviations of a binomial share.
        assert found == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 2000))
    assert np.mean([one.mirrored == (2,) for one in draws]) == pytest.approx(0.5, abs=0.05)
    above = [one.intensities[0].gamma > 1 for one in draws if one.intensities[0].gamma]
    assert np.mean(above) == pytest.approx(0.5, abs=4 * np.sqrt(0.25 / len(above)))


@pytest.mark.parametrize(
    ("spacing", "expected"),
    [
        ((1, 1, 1), None),
        ((3, 1, 1), None),
        ((3.1, 1, 1), 0),
        ((1, 5, 1.2), 1),
        ((0.5, 0.6, 2), 2),
        # 0.3 is 3 times 0.1, however both are rounded: 0.1 + 0.2 is not above it.
        ((0.1 + 0.2, 0.1, 0.1), None),
        ((2.4000001, 0.8, 0.8), None),
    ],
)
def test_an_axis_is_coarse_from_three_times_the_others_on(make_plan, spacing, expected):
    assert kept_axis(make_plan(spacing=spacing)) == expected


@given(seed=st.integers(0, 2**31), thin=st.integers(0, 2))
def test_an_axis_of_few_voxels_is_neither_rotated_nor_scaled_nor_displaced(
    make_plan, everything, seed, thin
):
    plan = make_plan(in_plane_axis=thin, **everything)
    deformation = draw(plan, np.random.default_rng(seed)).deformation
    assert deformation.matrix[thin].tolist() == np.eye(3)[thin].tolist()
    assert np.all(deformation.matrix[:, thin] == np.eye(3)[thin])
    assert np.all(deformation.displacement[thin] == 0)
    others = [axis for axis in range(3) if axis != thin]
    in_plane = deformation.matrix[np.ix_(others, others)]
    assert np.allclose(in_plane @ in_plane.T, np.linalg.det(in_plane) * np.eye(2))


def test_a_disc_of_few_slices_stays_in_the_image(make_plan):
    """Of 3 slices a rotation by 20 degrees out of plane leaves half of a disc, as it did."""
    size, spacing = (3, 48, 48), (2.0, 2.0, 2.0)
    y, x = np.mgrid[:48, :48] - 23.5
    disc = torch.from_numpy(((y**2 + x**2) < 18**2).astype(np.float32)).expand(1, *size)
    turned = {"p_rotation": 1.0, "rotation_degrees": 20.0, "p_scaling": 0.0, "p_elastic": 0.0}
    kept = {}
    for axis in (None, thin_axis(spacing, size)):
        plan = make_plan(kinds=("mri",), spacing=spacing, in_plane_axis=axis, **turned)
        shares = []
        for number in range(20):
            deformation = draw_named(plan, number).deformation
            image = deform(disc, deformation, (), spacing, ())
            shares.append(float(image.sum() / disc.sum()))
        kept[axis] = min(shares)
    assert kept[None] < 0.6
    assert kept[0] > 0.98


@given(seed=st.integers(0, 2**31), coarse=st.integers(0, 2))
def test_a_much_coarser_axis_is_neither_rotated_into_others_nor_displaced(
    make_plan, everything, seed, coarse
):
    spacing = tuple(5.0 if axis == coarse else 1.0 for axis in range(3))
    plan = make_plan(spacing=spacing, **everything)
    deformation = draw(plan, np.random.default_rng(seed)).deformation
    others = [axis for axis in range(3) if axis != coarse]
    assert np.all(deformation.matrix[coarse, others] == 0)
    assert np.all(deformation.matrix[others, coarse] == 0)
    assert np.all(deformation.displacement[coarse] == 0)
