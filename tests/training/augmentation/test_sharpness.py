import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage
from torch.nn import functional

from ricenet_v2.training.augmentation.draw import Intensity
from ricenet_v2.training.augmentation.sharpness import soften

SHAPE = (19, 33, 8)


def _image(seed: int = 0) -> torch.Tensor:
    return torch.from_numpy(np.random.default_rng(seed).normal(size=SHAPE).astype(np.float32))


def _softened(image: torch.Tensor, kept_axis: int | None = None, **values: float) -> torch.Tensor:
    made = image[None].clone()
    soften(made, [Intensity(**values)], kept_axis)
    return made[0]


def _low_resolution(image: torch.Tensor, zoom: float) -> torch.Tensor:
    few = [max(1, round(size * zoom)) for size in image.shape]
    small = functional.interpolate(image[None, None], few, mode="nearest-exact")
    return functional.interpolate(small, image.shape, mode="trilinear")[0, 0]


@given(sigma=st.floats(0.3, 4.0), seed=st.integers(0, 99))
def test_blur_is_that_of_scipy(sigma, seed):
    """batchgenerators' augment_gaussian_blur calls the same function of scipy."""
    image = _image(seed)
    expected = ndimage.gaussian_filter(image.numpy().astype(np.float64), sigma)
    np.testing.assert_allclose(_softened(image, blur_sigma=sigma), expected, atol=1e-5)


@given(zoom=st.floats(0.2, 1.0), seed=st.integers(0, 99))
def test_low_resolution_is_nearest_down_and_linear_up(zoom, seed):
    image = _image(seed)
    made = _softened(image, low_resolution=zoom)
    np.testing.assert_allclose(made, _low_resolution(image, zoom), atol=1e-5)


def test_both_at_once_are_one_after_the_other():
    image = _image()
    both = _softened(image, blur_sigma=0.8, low_resolution=0.6)
    expected = _low_resolution(_softened(image, blur_sigma=0.8), 0.6)
    np.testing.assert_allclose(both, expected, atol=1e-5)


def test_a_coarse_axis_keeps_its_resolution():
    ramp = torch.arange(float(SHAPE[0])).view(-1, 1, 1).expand(SHAPE)
    lowered = _softened(ramp, low_resolution=0.3)
    assert not torch.allclose(lowered, ramp, atol=0.1)
    kept = _softened(ramp, kept_axis=0, low_resolution=0.3)
    np.testing.assert_allclose(kept, ramp, atol=1e-5)


@pytest.mark.parametrize("kept_axis", [None, 1])
def test_items_of_a_batch_do_not_mix(kept_axis):
    drawn = [
        Intensity(blur_sigma=0.7),
        Intensity(low_resolution=0.6),
        Intensity(blur_sigma=0.5, low_resolution=0.8),
    ]
    batch = torch.stack([_image(seed) for seed in range(3)])
    made = batch.clone()
    soften(made, drawn, kept_axis)
    for number, one in enumerate(drawn):
        alone = batch[number : number + 1].clone()
        soften(alone, [one], kept_axis)
        np.testing.assert_allclose(made[number], alone[0], atol=1e-6)
