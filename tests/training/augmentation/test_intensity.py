import numpy as np
import pytest
import torch
from batchgenerators.augmentations import color_augmentations
from hypothesis import given
from hypothesis import strategies as st

from ricenet_v2.training.augmentation.intensity import (
    add_noise,
    bend_gamma,
    scale_brightness,
    stretch_contrast,
)

SHAPE = (2, 9, 11, 13)
CHANGES = (scale_brightness, stretch_contrast, bend_gamma)


def _images(seed: int) -> torch.Tensor:
    """Two channels, the second half zeros, as outside a brain."""
    images = np.random.default_rng(seed).normal(size=SHAPE)
    images[1, :, :, 6:] = 0
    return torch.from_numpy(images.astype(np.float32))


def _twice(value: float):
    """A range from which batchgenerators can only draw `value`."""
    return (value, value)


@given(seed=st.integers(0, 99), factor=st.floats(0.5, 2.0))
def test_contrast_is_that_of_batchgenerators(seed, factor):
    images = _images(seed)
    expected = color_augmentations.augment_contrast(
        images.numpy().astype(np.float64), lambda: factor, preserve_range=True
    )
    stretch_contrast(images, [factor, factor])
    np.testing.assert_allclose(images, expected, atol=1e-5)


@given(seed=st.integers(0, 99), gamma=st.floats(1.0, 2.5))
def test_gamma_is_that_of_batchgenerators(seed, gamma):
    images = _images(seed)
    expected = color_augmentations.augment_gamma(
        images.numpy().astype(np.float64), _twice(gamma), per_channel=True, retain_stats=True
    )
    bend_gamma(images, [gamma, gamma])
    np.testing.assert_allclose(images, expected, atol=1e-4)


@given(seed=st.integers(0, 99), gamma=st.floats(0.5, 2.0))
def test_gamma_is_a_power_of_the_range_with_the_old_mean_and_deviation(seed, gamma):
    images = _images(seed)
    old = images.numpy().astype(np.float64)
    bend_gamma(images, [gamma, gamma])
    for before, after in zip(old, images.numpy(), strict=True):
        power = ((before - before.min()) / np.ptp(before)) ** gamma
        expected = (power - power.mean()) / power.std() * before.std() + before.mean()
        np.testing.assert_allclose(after, expected, atol=1e-4)


@given(seed=st.integers(0, 99), factor=st.floats(0.5, 2.0))
def test_brightness_is_that_of_batchgenerators(seed, factor):
    images = _images(seed)
    expected = color_augmentations.augment_brightness_multiplicative(
        images.numpy().copy(), _twice(factor)
    )
    scale_brightness(images, [factor, factor])
    np.testing.assert_allclose(images, expected, rtol=1e-6)


@pytest.mark.parametrize("change", CHANGES)
def test_each_item_has_its_own_value(change):
    images, alone = _images(0), _images(0)
    change(images, [0.8, 1.2])
    change(alone[:1], [0.8])
    change(alone[1:], [1.2])
    np.testing.assert_allclose(images, alone, atol=1e-6)
    assert not torch.allclose(images, _images(0), atol=1e-2)


@pytest.mark.parametrize("change", [stretch_contrast, bend_gamma])
def test_a_constant_channel_stays_as_it_is(change):
    images = torch.full((1, 4, 4, 4), 3.0)
    change(images, [1.3])
    np.testing.assert_allclose(images, 3.0, atol=1e-6)


def test_noise_has_the_deviation_that_was_drawn_and_follows_its_generator():
    made = []
    for seed in (1, 1, 2):
        image = torch.full((20, 20, 20), 5.0)
        add_noise(image, 0.3, torch.Generator().manual_seed(seed))
        made.append(image)
    assert torch.equal(made[0], made[1])
    assert not torch.equal(made[0], made[2])
    # Five standard errors of mean and deviation of 8000 values.
    assert float(made[0].mean()) == pytest.approx(5.0, abs=5 * 0.3 / np.sqrt(8000))
    assert float(made[0].std()) == pytest.approx(0.3, abs=5 * 0.3 / np.sqrt(16000))
