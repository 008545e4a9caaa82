import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.training.augmentation import apply
from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.draw import draw_named


def _batch(plan, count: int = 2) -> torch.Tensor:
    random = np.random.default_rng(0)
    shape = (count, len(plan.channels), *plan.input_size)
    images = random.random(shape, dtype=np.float32)
    for index, channel in enumerate(plan.channels):
        if channel.kind == "mask":
            images[:, index] = images[:, index] > 0.7
    return torch.from_numpy(images)


def test_an_augmentation_of_nothing_is_a_copy(make_plan, nothing):
    plan = make_plan(**nothing)
    images = _batch(plan)
    made = augment(images, [draw_named(plan, n) for n in range(2)], plan)
    assert torch.equal(made, images)
    assert made.data_ptr() != images.data_ptr()


def test_the_same_draw_gives_the_same_bits_whatever_the_company_and_the_threads(
    make_plan, everything
):
    plan = make_plan(shape=(32, 32, 32), **everything)
    images = _batch(plan, 3)
    draws = [draw_named(plan, 7, 0, n) for n in range(3)]
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(3)
        together = augment(images, draws, plan)
        assert torch.get_num_threads() == 3
        torch.set_num_threads(1)
        alone = [augment(images[n : n + 1], [draws[n]], plan)[0] for n in range(3)]
    finally:
        torch.set_num_threads(threads)
    assert torch.equal(together, torch.stack(alone))


@given(seed=st.integers(0, 1000))
def test_intensity_changes_leave_dose_and_mask_alone(make_plan, nothing, everything, seed):
    kinds = ("mri", "dose", "mask", "pet")
    still = dict.fromkeys(("p_rotation", "p_scaling", "p_elastic"), 0.0)
    plan = make_plan(kinds=kinds, **(everything | still), mirror_axes=())
    images = _batch(plan, 1)
    made = augment(images, [draw_named(plan, seed)], plan)
    assert torch.equal(made[:, 1:3], images[:, 1:3])
    assert not torch.allclose(made[:, [0, 3]], images[:, [0, 3]], atol=1e-3)


@given(seed=st.integers(0, 1000))
def test_dose_keeps_its_range_and_masks_their_labels(make_plan, everything, seed):
    plan = make_plan(kinds=("mri", "dose", "mask"), **everything)
    images = _batch(plan, 1)
    before = images.clone()
    made = augment(images, [draw_named(plan, seed)], plan)
    assert torch.equal(images, before)
    assert made[0, 1].min() >= 0
    assert made[0, 1].max() <= images[0, 1].max() * (1 + 1e-5)
    assert set(made[0, 2].unique().tolist()) <= {0.0, 1.0}
    assert torch.isfinite(made).all()


@pytest.mark.parametrize("spacing", [(1.0, 1.0, 1.0), (5.0, 1.0, 1.0)])
def test_the_gathered_way_of_accelerators_gives_the_same_values(
    make_plan, everything, monkeypatch, spacing
):
    """On an accelerator all channels with the same change go through it together."""
    plan = make_plan(spacing=spacing, **everything)
    images, draws = _batch(plan, 3), [draw_named(plan, n) for n in range(3)]
    expected = augment(images, draws, plan)
    monkeypatch.setattr(apply, "_goes_one_by_one", lambda _device: False)
    np.testing.assert_allclose(augment(images, draws, plan), expected, atol=1e-5)
