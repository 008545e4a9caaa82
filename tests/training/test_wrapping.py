"""What the choice of device and wrapping does, as far as a CPU shows it."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import nn

from ricenet_v2.network.build import build_network
from ricenet_v2.training.process_group import ProcessGroup
from ricenet_v2.training.wrapping import autocast, moved, without_sync, wrapped

CPU = torch.device("cpu")


@pytest.fixture
def network(plan):
    return build_network(plan.network, 2, 2)


def test_a_network_alone_is_not_wrapped(plan, network):
    assert wrapped(network, plan.training, ProcessGroup(0, 1, CPU)) is network
    with without_sync(network, enabled=True):
        pass


def test_compile_wraps_and_leaves_the_names_of_the_weights(plan, network, monkeypatch):
    names = list(network.state_dict())
    compiled = []
    monkeypatch.setattr(torch, "compile", lambda given: compiled.append(given) or nn.Identity())
    training = dataclasses.replace(plan.training, compile=True)
    assert isinstance(wrapped(network, training, ProcessGroup(0, 1, CPU)), nn.Identity)
    assert compiled == [network]
    assert list(network.state_dict()) == names


@pytest.mark.parametrize(
    ("device", "wanted", "capability", "dtype", "enabled"),
    [
        ("cuda", True, (8, 0), torch.bfloat16, True),
        ("cuda", True, (7, 0), torch.float16, True),
        ("cuda", True, (6, 1), torch.bfloat16, False),
        ("cuda", False, (8, 0), torch.bfloat16, False),
        ("cpu", True, (8, 0), torch.bfloat16, False),
        ("mps", True, (8, 0), torch.bfloat16, False),
    ],
)
def test_mixed_precision_is_what_the_device_computes_in(
    plan, monkeypatch, device, wanted, capability, dtype, enabled
):
    requested = []

    def remembered(kind, dtype, enabled, cache_enabled):
        assert cache_enabled
        requested.append((kind, dtype, enabled))

    monkeypatch.setattr(torch, "autocast", remembered)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _device: capability)
    autocast(torch.device(device), dataclasses.replace(plan.training, mixed_precision=wanted))
    assert requested == [(device, dtype, enabled)]


class _Tensor:
    """Stands for a batch in main memory and remembers what was done with it."""

    ndim, device = 5, CPU

    def __init__(self):
        self.done = []

    def pin_memory(self):
        self.done.append("pinned")
        return self

    def to(self, device, non_blocking):
        self.done.append((device.type, non_blocking))
        return self

    def contiguous(self, memory_format):
        self.done.append(memory_format)
        return self


@pytest.mark.parametrize(
    ("device", "done"),
    [
        ("cuda", ["pinned", ("cuda", True)]),
        ("mps", [("mps", False)]),
        ("cpu", [("cpu", False)]),
    ],
)
def test_memory_is_pinned_on_the_way_to_cuda_only(plan, device, done):
    tensor = _Tensor()
    moved(tensor, torch.device(device), plan.training)
    assert tensor.done == done


def test_channels_last_lays_voxels_of_images_out_and_leaves_targets(plan):
    training = dataclasses.replace(plan.training, channels_last=True)
    images = moved(torch.randn(2, 3, 4, 4, 4), CPU, training)
    assert images.is_contiguous(memory_format=torch.channels_last_3d)
    targets = torch.tensor([0, 1])
    assert moved(targets, CPU, training) is targets
