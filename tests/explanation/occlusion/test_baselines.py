import numpy as np
import pytest

from ricenet_v2.explanation.occlusion.baselines import fills, local_means, mirrored
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.explanation.occlusion.windows import lay_windows
from ricenet_v2.records.kinds import KINDS, KindSpecification

SHAPE = (8, 9, 10)


def made(noise, make_plan, kinds=("mri", "dose"), **options):
    array = noise(len(kinds), *SHAPE)
    plan = make_plan(kinds=kinds, shape=SHAPE)
    settings = OcclusionSettings(window_mm=4, stride_mm=2, **options)
    return prepare(array, np.ones(SHAPE, bool), plan, settings)


def test_local_means_are_those_of_a_shell_half_a_window_thick(noise):
    image = noise(*SHAPE)
    region = noise(*SHAPE, seed=1) > 0
    windows = lay_windows(np.ones(SHAPE, bool), (1.0, 1.0, 1.0), 3, 3)
    expected = []
    for start in windows.starts:
        shell = np.zeros(SHAPE, bool)
        shell[tuple(slice(max(0, s - 1), s + 4) for s in start)] = True
        shell[tuple(slice(s, s + 3) for s in start)] = False
        expected.append(image[shell & region].mean())
    np.testing.assert_allclose(local_means(image, region, windows), expected, rtol=1e-4, atol=1e-5)


def test_a_shell_outside_of_the_region_counts_whole_and_a_window_without_shell_is_its_mean(noise):
    image, region = noise(4, 4, 8), np.zeros((4, 4, 8), bool)
    windows = lay_windows(np.ones((4, 4, 8), bool), (1.0, 1.0, 1.0), 4, 4)
    expected = [image[:, :, 4:6].mean(), image[:, :, 2:4].mean()]
    np.testing.assert_allclose(local_means(image, region, windows), expected, rtol=1e-4)
    whole = lay_windows(np.ones((4, 4, 4), bool), (1.0, 1.0, 1.0), 4, 4)
    found = local_means(image[:, :, :4], region[:, :, :4], whole)
    np.testing.assert_allclose(found, image[:, :, :4].mean(), rtol=1e-4)


def test_each_kind_has_its_own_baseline(noise, make_plan):
    one = made(noise, make_plan, ("mri", "dose", "mask"), image="local_mean", dose="zero_gy")
    box = one.fills.box(3, one.windows)
    np.testing.assert_allclose(box[0], local_means(one.array[0], one.region, one.windows)[3])
    assert not box[1:].any()
    other = made(noise, make_plan, ("mri", "dose", "mask"), image="zero", dose="local_mean")
    box = other.fills.box(3, other.windows)
    np.testing.assert_allclose(box[1], local_means(one.array[1], one.region, one.windows)[3])
    assert not box[[0, 2]].any()


@pytest.mark.parametrize("filling", ["image", "dose", "zero"])
def test_a_kind_says_which_setting_is_its_own(noise, make_plan, monkeypatch, filling):
    kind = KindSpecification("", "linear", "none", "", filling=filling, has_fixed_intensities=True)
    monkeypatch.setitem(KINDS, "other", kind)
    one = made(noise, make_plan, ("mri", "other"), image="mirror", dose="local_mean")
    box = one.fills.box(3, one.windows)[1]
    place = one.windows.slices(3)[1:]
    head = one.array[0] != 0
    expected = {
        "image": mirrored(one.array[1], head)[place],
        "dose": local_means(one.array[1], one.region, one.windows)[3],
        "zero": 0,
    }
    np.testing.assert_allclose(box, np.broadcast_to(expected[filling], box.shape))


def test_a_channel_that_is_not_hidden_stays_as_it_is(noise, make_plan):
    one = made(noise, make_plan, channel="dose1", dose="zero_gy")
    number = len(one.windows) // 2
    box = one.fills.box(number, one.windows)
    np.testing.assert_array_equal(box[0], one.array[0][one.windows.slices(number)[1:]])
    assert not box[1].any()


def test_the_mirrored_side_comes_from_across_the_middle_of_the_head():
    head = np.zeros((2, 2, 12), bool)
    head[:, :, 1:8] = True
    image = np.broadcast_to(np.arange(12, dtype=np.float32), head.shape)
    assert mirrored(image, head)[0, 0].tolist() == [8, 7, 6, 5, 4, 3, 2, 1, 0, 0, 0, 0]


@pytest.mark.parametrize("degrees", [12, 30, -40])
def test_a_tilted_head_is_mirrored_at_the_plane_of_the_patient(degrees):
    """A head of two hemispheres, turned about the axis from feet to head; against its formula."""
    shape, spacing = (5, 40, 44), np.array([2.0, 1.0, 1.0])
    places = np.stack(np.indices(shape), axis=-1) * spacing
    centre = np.array([4.0, 20.0, 23.0])
    angle = np.radians(degrees)
    left = np.array([0.0, np.sin(angle), np.cos(angle)])
    front = np.array([0.0, np.cos(angle), -np.sin(angle)])
    head = np.linalg.norm((places - centre)[..., 1:], axis=-1) < 14

    def shown(side):
        offset = places - centre
        spot = side * 6 * left + 4 * front
        return 10 * np.exp(-((offset - spot) ** 2).sum(axis=-1) / 20) + side * (offset @ left)

    image = shown(1).astype(np.float32)
    made = mirrored(image, head, tuple(left), tuple(spacing))
    inner = np.linalg.norm((places - centre)[..., 1:], axis=-1) < 12
    np.testing.assert_allclose(made[inner], shown(-1)[inner], atol=0.25)
    # What the flip of the array makes of it is something else.
    assert np.abs(mirrored(image, head) - shown(-1))[inner].max() > 2


def test_a_mirrored_window_is_filled_voxel_by_voxel(noise, make_plan):
    one = made(noise, make_plan, image="mirror")
    box = one.fills.box(0, one.windows)
    np.testing.assert_array_equal(box[0], one.array[0, :4, :4, :-5:-1])


def test_a_dose_on_one_side_does_not_move_the_middle_of_the_head(noise, make_plan):
    plan = make_plan(kinds=("mri", "dose"), shape=SHAPE)
    array = noise(2, *SHAPE)
    array[0, :, :, 7:] = 0
    array[1, :, :, :6] = 0
    settings = OcclusionSettings(window_mm=4, stride_mm=2, image="mirror")
    one = prepare(array, np.ones(SHAPE, bool), plan, settings)
    np.testing.assert_array_equal(one.fills.replacements[0][..., :7], array[0, :, :, 6::-1])


def test_mri_zero_is_not_a_mean_of_all_channels(noise, make_plan):
    one = made(noise, make_plan, image="zero")
    again = fills(one.array + 5, one.region, one.plan, one.settings, one.windows)
    assert again.constants[:, 0] == pytest.approx(0)
