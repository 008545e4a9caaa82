from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from ricenet_v2.explanation.attribution_baseline import reference_of
from ricenet_v2.explanation.gradients.integrated import integrated_gradients
from ricenet_v2.explanation.occlusion.full import FullPass
from ricenet_v2.explanation.occlusion.gradient_estimates import gradient_estimates
from ricenet_v2.explanation.occlusion.incremental import IncrementalPass
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings
from ricenet_v2.network.build import build_network
from ricenet_v2.network.presence import filled, flags_of

LEVELS = ((), (), (0.0, 0.5, 1.0))


@pytest.fixture
def plan(make_plan):
    plan = make_plan(("mri", "mri", "dose"), (16, 16, 16))
    network = dataclasses.replace(
        plan.network, features=(4, 8), blocks=(1, 1), kernel_sizes=((3, 3, 3),) * 2,
        strides=((1, 1, 1), (2, 2, 2)), norm="batch", levels=LEVELS, presence=True,
    )  # fmt: skip
    return dataclasses.replace(plan, network=network)


@pytest.fixture
def network(plan):
    torch.manual_seed(0)
    built = build_network(plan.network, 3, 2).train()
    for _ in range(3):
        built(torch.randn((2, 3, 16, 16, 16)))
    return built.eval()


@pytest.fixture
def case():
    images = np.random.default_rng(0).normal(size=(3, 16, 16, 16)).astype(np.float32)
    images[0], images[2] = np.nan, np.abs(images[2])
    return images


def test_a_missing_channel_is_a_flag_and_zeros(network, case):
    images = torch.from_numpy(case)[None]
    assert flags_of(images).tolist() == [[0, 1, 1]]
    maps = network.maps(images)
    assert maps.shape[1] == 5
    assert not maps[:, 0].any()
    torch.testing.assert_close(maps[:, 1:3], images[:, 1:])
    pooled = network.pooled(images)
    assert pooled[:, -3:].tolist() == [[0, 1, 1]]
    assert network.head.in_features == 8 + 3


def test_a_missing_dose_is_not_a_dose_of_0_gy(network, case):
    none, zero = torch.from_numpy(case)[None].clone(), torch.from_numpy(case)[None].clone()
    none[:, 2], zero[:, 2] = torch.nan, 0
    torch.testing.assert_close(network.maps(none), network.maps(zero))
    assert not torch.equal(network(none), network(zero))


def test_no_gradient_reaches_a_missing_channel(network, case):
    images = torch.from_numpy(case)[None].requires_grad_()
    (gradient,) = torch.autograd.grad(network(images)[0, 0], images)
    assert gradient.isfinite().all()
    assert not gradient[:, 0].any()
    assert gradient[:, 1].any()


def test_without_missing_channels_the_network_is_what_it_was(plan):
    before = dataclasses.replace(plan.network, presence=False)
    torch.manual_seed(0)
    plain = build_network(before, 3, 2)
    assert plain.head.in_features == 8
    images = torch.zeros((1, 3, 16, 16, 16))
    assert plain.pooled(images).shape == (1, 8)
    assert plain.maps(images).isfinite().all()
    assert list(plain.state_dict()) == list(build_network(plan.network, 3, 2).state_dict())
    assert filled(torch.full((1, 1, 2, 2, 2), torch.nan)).tolist()[0][0][0][0] == [0, 0]


def test_maps_explain_the_channels_that_are_there(network, plan, case):
    region = np.ones(case.shape[1:], dtype=bool)
    for dose in ("zero_gy", "local_mean"):
        settings = OcclusionSettings(window_mm=6.0, stride_mm=5.0, dose=dose)
        hidden = prepare(case, region, plan, settings)
        numbers = np.arange(len(hidden.windows))
        with torch.inference_mode():
            whole = FullPass(network, hidden).logits(numbers)
            quick = IncrementalPass(network, hidden).logits(numbers)
        torch.testing.assert_close(quick, whole, rtol=1e-4, atol=1e-5)
        assert whole.std(dim=0).min() > 0
        assert np.isfinite(gradient_estimates(network, hidden, 0, 8).values).all()


def test_integrated_gradients_of_a_missing_channel_are_0(network, plan, case):
    reference = reference_of(case, plan, (1.0, 1.0, 1.0))
    assert np.isnan(reference[0]).all()
    found = integrated_gradients(network, case, reference, 0, most_steps=0)
    assert not found.values[0].any()
    assert np.isfinite(found.values).all()
    assert found.values[1].any()
