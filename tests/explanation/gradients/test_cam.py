"""Class activation maps against what the head adds up, and the place of their voxels."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.explanation.gradients.cam import features_and_gradient, gradcam, hirescam, spread
from ricenet_v2.network.build import build_network


@pytest.fixture
def plan(make_plan):
    made = make_plan(("mri", "dose"), shape=(16, 16, 16))
    steps = ((2, 2, 2), (2, 2, 1))
    network = dataclasses.replace(
        made.network,
        features=(4, 6),
        blocks=(1, 1),
        strides=steps,
        kernel_sizes=((3, 3, 3), (3, 3, 3)),
        norm="batch",
    )
    return dataclasses.replace(made, network=network)


@pytest.fixture
def network(plan):
    torch.manual_seed(0)
    return build_network(plan.network, 2, 2).eval()


def test_hirescam_is_what_the_head_added_up(plan, network):
    array = np.random.default_rng(0).normal(size=(2, 16, 16, 16)).astype(np.float32)
    features, gradient = features_and_gradient(network, array, 2, 1)
    with torch.no_grad():
        a, b = network(torch.from_numpy(array)[None])[0].double().tolist()
        bias = float(network.head.bias[1] - network.head.bias[0])
    assert float((features * gradient).sum()) == pytest.approx(b - a - bias, abs=1e-5)
    # And Grad-CAM on that map is its positive part, but for the factor of the mean.
    weights = gradient.mean(axis=(1, 2, 3))
    cam = np.maximum(np.einsum("f,fzyx->zyx", weights, features), 0)
    np.testing.assert_allclose(cam, np.maximum((features * gradient).sum(0), 0), atol=1e-6)
    for made in (hirescam, gradcam):
        assert made(network, array, plan.network, 1).shape == (16, 16, 16)


def test_gradcam_is_of_the_last_stage_but_one_and_where_positive(plan, network):
    array = np.random.default_rng(0).normal(size=(2, 16, 16, 16)).astype(np.float32)
    features, gradient = features_and_gradient(network, array, 1, 1)
    cam = np.maximum(np.einsum("f,fzyx->zyx", gradient.mean(axis=(1, 2, 3)), features), 0)
    made = gradcam(network, array, plan.network, 1)
    np.testing.assert_allclose(made[::2, ::2, ::2], cam, rtol=1e-5)
    assert (made == 0).any()
    assert made.max() > 0
    # The last stage has a voxel for 4 x 4 x 2 of the input.
    features, gradient = features_and_gradient(network, array, 2, 1)
    fine = hirescam(network, array, plan.network, 1)
    np.testing.assert_allclose(fine[::4, ::4, ::2], (features * gradient).sum(axis=0), rtol=1e-5)


def test_a_map_is_spread_to_the_voxels_that_its_own_look_at():
    layers = nn.Sequential(
        nn.Conv3d(1, 1, 3, stride=2, padding=1, bias=False),
        nn.Conv3d(1, 1, 3, stride=2, padding=1, bias=False),
    )
    for layer in layers:
        nn.init.ones_(layer.weight)
    image = torch.zeros((1, 1, 24, 24, 24), requires_grad=True)
    layers(image)[0, 0, 2, 3, 4].backward()
    seen = image.grad[0, 0].double().numpy()
    places = np.argwhere(seen > 0)
    centre = (places * seen[tuple(places.T)][:, None]).sum(0) / seen.sum()
    values = np.zeros((6, 6, 6))
    values[2, 3, 4] = 1
    made = spread(values, (24, 24, 24), (4, 4, 4))
    brightest = np.unravel_index(int(made.argmax()), made.shape)
    np.testing.assert_allclose(brightest, np.round(centre), atol=0)
