import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.core.errors import PlanError
from ricenet_v2.explanation.occlusion.occlude import occlude
from ricenet_v2.explanation.occlusion.passes import Runner, choose_pass, order
from ricenet_v2.explanation.occlusion.prepared import prepare
from ricenet_v2.explanation.occlusion.settings import OcclusionSettings

SHAPE = (16, 16, 16)


@pytest.fixture
def ready(noise, make_plan):
    def made(shape=SHAPE, **options):
        region = np.zeros(shape, bool)
        region[2:10, 3:14, 4:12] = True
        how = OcclusionSettings(**{"window_mm": 5, "stride_mm": 3} | options)
        plan = make_plan(kinds=("mri", "dose"), shape=shape)
        return prepare(noise(2, *shape), region, plan, how)

    return made


def by_hand(network, one, target):
    """Window by window, on copies, with the definition of both metrics."""
    totals, count = np.zeros((2, *SHAPE)), np.zeros(SHAPE)

    def said(array):
        with torch.no_grad():
            logits = network(torch.from_numpy(array)[None])[0].double()
        share = logits.softmax(0)[target].item()
        return np.array([np.log(share / (1 - share)), share])

    whole = said(one.array)
    for number in range(len(one.windows)):
        box = one.windows.slices(number)
        hidden = one.array.copy()
        hidden[box] = one.fills.box(number, one.windows)
        totals[(slice(None), *box[1:])] += (whole - said(hidden))[:, None, None, None]
        count[box[1:]] += 1
    return np.where(one.region, totals / np.maximum(count, 1), np.nan)


@pytest.mark.parametrize("method", ["full", "incremental"])
@pytest.mark.parametrize("n_classes", [2, 3])
def test_the_map_is_that_of_occluding_by_hand(networks, network_of, ready, method, n_classes):
    network = network_of(networks["resnet18"], n_classes=n_classes)
    one = ready(method=method)
    found = occlude(network, one, 1)
    logit, probability = by_hand(network, one, 1)
    np.testing.assert_allclose(found.logit, logit, atol=1e-4)
    np.testing.assert_allclose(found.probability, probability, atol=1e-4)
    assert found.n_windows == len(one.windows)
    assert found.is_exact
    assert found.cost_share < (1 if method == "full" else 0.9)


def test_positive_speaks_for_the_class(make_plan):
    class Dose(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(1.0))

        def forward(self, x):
            dose = x[:, 1].mean(dim=(1, 2, 3)) * self.scale
            return torch.stack([torch.zeros_like(dose), dose], dim=1)

    array = np.ones((2, 8, 8, 8), np.float32)
    plan = make_plan(kinds=("mri", "dose"), shape=(8, 8, 8))
    one = prepare(
        array,
        np.ones((8, 8, 8), bool),
        plan,
        OcclusionSettings(window_mm=4, stride_mm=4, dose="zero_gy"),
    )
    for_, against = occlude(Dose(), one, 1), occlude(Dose(), one, 0)
    np.testing.assert_allclose(for_.logit, 1 / 8, rtol=1e-5)
    np.testing.assert_allclose(against.logit, -1 / 8, rtol=1e-5)
    # It is none of this program's networks, and so went the whole way.
    assert "whole network" in " ".join(for_.words)


def test_batches_change_nothing(networks, network_of, ready):
    network = network_of(networks["residual_encoder"])
    one, seven = (occlude(network, ready(batch=batch), 0).logit for batch in (1, 7))
    np.testing.assert_allclose(one, seven, atol=1e-4)


def test_auto_is_incremental_only_where_that_is_exact(networks, network_of, ready):
    batch = network_of(networks["residual_encoder"])
    instance = network_of(dataclasses.replace(networks["residual_encoder"], norm="instance"))
    assert occlude(batch, ready(), 0).cost_share < 1
    found = occlude(instance, ready(), 0)
    assert found.is_exact
    assert "behind" in " ".join(found.words)
    assert not occlude(instance, ready(method="incremental"), 0).is_exact


def test_a_network_that_cannot_be_followed_is_refused_by_name_only(networks, network_of, ready):
    network = network_of(networks["resnet18"])
    network.encoder.stages[0] = nn.Sequential(network.encoder.stages[0], nn.Sigmoid())
    with pytest.raises(PlanError, match="cannot trace"):
        occlude(network, ready(method="incremental"), 0)
    assert occlude(network, ready(), 0).cost_share == 1


def test_a_class_that_is_not_there_is_refused_before_the_work(networks, network_of, ready):
    with pytest.raises(PlanError, match="no such class"):
        occlude(network_of(networks["resnet18"]), ready(), 2)


def test_less_memory_takes_smaller_batches(networks, network_of, ready):
    network = network_of(networks["resnet18"])
    batches = {}
    for method in ("full", "incremental"):
        for gb in (0.01, 0.1):
            one = ready((32, 32, 32), memory_gb=gb)
            with torch.inference_mode():
                batches[method, gb] = Runner(network, one, choose_pass(network, one, method)).batch
    assert batches["full", 0.1] > 5 * batches["full", 0.01]
    assert batches["incremental", 0.1] > 5 * batches["incremental", 0.01]
    assert batches["incremental", 0.1] > batches["full", 0.1]


def test_too_little_memory_is_said_and_one_window_goes_at_a_time(
    networks, network_of, ready, caplog
):
    occlude(network_of(networks["resnet18"]), ready(memory_gb=1e-6), 0)
    assert "One window at a time takes" in caplog.text


def test_windows_equally_deep_in_the_image_follow_each_other(ready):
    windows = ready().windows
    depths = np.minimum(windows.starts, np.array(SHAPE) - windows.size - windows.starts)
    sorted_ = depths[np.argsort(order(windows))]
    assert np.abs(np.diff(sorted_, axis=0)).mean() < np.abs(np.diff(depths, axis=0)).mean()
