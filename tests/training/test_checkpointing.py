"""Activation checkpointing: the same gradients and statistics from less memory."""

import dataclasses
import json

import pytest
import torch
from torch import nn
from torch.nn import functional

from ricenet_v2.core import documents
from ricenet_v2.network.build import build_network
from ricenet_v2.network.checkpointing import checkpoint_activations
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.tensor_memory import LiveBytes
from ricenet_v2.records.plan import Plan
from ricenet_v2.training.settings import with_settings
from ricenet_v2.training.state import first_network, first_state
from tests.network.plans import PAPER, RESIDUAL

SIZE = (16, 32, 48)
RANDOM = {"dropout": 0.5, "stochastic_depth": 0.3}


def _network(plan, *, checkpointed):
    torch.manual_seed(0)
    network = build_network(plan, 2, 2).train()
    if checkpointed:
        checkpoint_activations(network)
    return network


def _step(network, seed=5):
    torch.manual_seed(1)
    images, targets = torch.randn(4, 2, *SIZE), torch.tensor([0, 1, 1, 0])
    torch.manual_seed(seed)
    functional.cross_entropy(network(images), targets).backward()
    return network


@pytest.fixture(params=[RESIDUAL, dataclasses.replace(PAPER, features=(4, 6, 8, 10))])
def network_plan(request):
    return dataclasses.replace(request.param, norm="batch", **RANDOM)


def test_gradients_statistics_and_names_are_those_without(network_plan):
    """With dropped paths and dropout, and batch norm, which sees the batch twice."""
    plain, checkpointed = (
        _step(_network(network_plan, checkpointed=each)) for each in (False, True)
    )
    for name, value in plain.named_parameters():
        assert torch.equal(value.grad, checkpointed.get_parameter(name).grad), name
    there = checkpointed.state_dict()
    assert list(plain.state_dict()) == list(there)
    for name, value in plain.state_dict().items():
        assert torch.equal(value, there[name]), name
    other = _step(_network(network_plan, checkpointed=True), seed=6)
    assert not torch.equal(other.head.weight.grad, checkpointed.head.weight.grad)


def test_statistics_are_followed_again_behind_a_backward_pass(network_plan):
    network = _network(network_plan, checkpointed=True)
    _step(network)
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm3d)]
    assert norms
    assert {int(m.num_batches_tracked) for m in norms} == {1}
    assert all(m.track_running_stats for m in norms)


def _alive(network):
    """Bytes alive at the end of a forward pass."""
    images = torch.randn(4, 2, *SIZE)
    live = LiveBytes([*network.parameters(), *network.buffers(), images])
    with live:
        loss = network(images).sum()
        alive = live.now
        loss.backward()
    return alive


def test_less_is_kept_and_the_estimate_says_how_much(network_plan):
    plain, checkpointed = (_network(network_plan, checkpointed=each) for each in (False, True))
    assert _alive(checkpointed) < 0.5 * _alive(plain)
    stated = [estimate(network_plan, 2, 2, SIZE, 4, checkpointing=each) for each in (False, True)]
    assert stated[1].activations == pytest.approx(_alive(checkpointed), rel=0.02)
    assert stated[1].total < stated[0].total
    assert stated[1].multiply_adds == stated[0].multiply_adds
    assert stated[1].largest_map == stated[0].largest_map


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_the_estimate_counts_mixed_precision_too(network_plan, precision):
    full, mixed = (
        estimate(network_plan, 2, 2, SIZE, 4, each, checkpointing=True)
        for each in ("float32", precision)
    )
    assert mixed.activations < full.activations


def test_prediction_is_not_checkpointed(network_plan):
    network = _network(network_plan, checkpointed=True).eval()
    images = torch.randn(1, 2, *SIZE)
    with torch.no_grad():
        expected = _network(network_plan, checkpointed=False).eval()(images)
        assert torch.equal(network(images), expected)


def test_a_setting_switches_it_on_and_not_with_compile(plan):
    chosen = with_settings(plan, {"activation_checkpointing": "true"})
    network = first_network(chosen, 0)
    first_state(network, chosen.training, torch.device("cpu"))
    assert "forward" in vars(next(iter(network.encoder.children())))
    with pytest.raises(Exception, match="activation_checkpointing: not with compile"):
        with_settings(plan, {"activation_checkpointing": "true", "compile": "true"})


def test_switches_that_are_off_are_not_written(plan, tmp_path):
    """So the hash of a plan from before them stays what it was."""
    written = json.loads(documents.to_text(plan))["training"]
    names = {"activation_checkpointing", "fused_optimiser", "cudnn_benchmark"}
    assert not names & written.keys()
    on = dataclasses.replace(plan.training, **dict.fromkeys(names, True))
    whole = dataclasses.replace(plan, training=on)
    text = documents.to_text(whole)
    assert names <= json.loads(text)["training"].keys()
    (file := tmp_path / "plan.json").write_text(text)
    assert documents.read(Plan, file) == whole
