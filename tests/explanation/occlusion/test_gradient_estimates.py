import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.explanation.occlusion.gradient_estimates import gradient_estimates, lattice
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings

SHAPE = (12, 14, 10)


class Squares(nn.Module):
    """Log odds: a weighted sum of squares of the voxels, so that half way is the whole truth."""

    def __init__(self):
        super().__init__()
        weights = torch.randn(2, *SHAPE, generator=torch.Generator().manual_seed(0))
        self.weights = nn.Parameter(weights)

    def forward(self, x):
        score = (self.weights * x**2).sum(dim=(1, 2, 3, 4))
        return torch.stack([torch.zeros_like(score), score], dim=1)


@pytest.fixture
def ready(noise, make_plan):
    def made(**options):
        how = OcclusionSettings(
            **{"window_mm": 4, "stride_mm": 2, "image": "zero", "dose": "zero_gy"} | options
        )
        plan = make_plan(kinds=("mri", "dose"), shape=SHAPE)
        return prepare(noise(2, *SHAPE), np.ones(SHAPE, bool), plan, how)

    return made


def by_hand(network, one):
    """What each window takes away, by channel."""
    weights, made = network.weights.detach().numpy(), []
    for number in range(len(one.windows)):
        box = one.windows.slices(number)
        fill = one.fills.box(number, one.windows)
        made.append((weights[box] * (one.array[box] ** 2 - fill**2)).sum(axis=(1, 2, 3)))
    return np.array(made)


def test_half_way_accounts_for_curvature(ready):
    network, one = Squares(), ready()
    with torch.inference_mode():  # as occlude calls it
        found = gradient_estimates(network, one, 1, 1000)
    np.testing.assert_allclose(found.values[:, 2:], by_hand(network, one), rtol=1e-4, atol=1e-4)
    # From the image as it is the slope is twice as steep where voxels become 0.
    np.testing.assert_allclose(found.values[:, :2], 2 * found.values[:, 2:], rtol=1e-4, atol=1e-4)
    assert network.weights.grad is None


def test_one_channel_alone(ready):
    values = gradient_estimates(Squares(), ready(channel="dose1"), 1, 1000).values
    assert (values[:, [0, 2]] == 0).all()
    assert (values[:, [1, 3]] != 0).any()


@pytest.mark.parametrize("most", [6, 40, 1000])
def test_no_more_passes_than_they_may_take(ready, most):
    one = ready()
    places = lattice(one.windows)
    found = gradient_estimates(Squares(), one, 1, most)
    assert found.forward_passes <= most
    # 4 windows of an axis are two windows apart; an axis has at most so many.
    assert found.forward_passes <= 2 * (1 + np.prod(np.minimum(places.max(axis=0) + 1, 4)))
    assert len(found.values) == len(one.windows)
    assert (found.values != 0).any(axis=1).all()
