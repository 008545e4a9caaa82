"""Integrated gradients against what is known of them by hand."""

import logging

import numpy as np
import pytest
import torch
from torch import nn

from ricenet_v2.explanation.gradients.integrated import integrated_gradients
from ricenet_v2.network.levels import Bands


class Head(nn.Module):
    """Log odds of class 1 are a function of the sum of weighed voxels."""

    def __init__(self, shape, bend):
        super().__init__()
        self.weights = nn.Parameter(torch.from_numpy(np.random.default_rng(1).normal(size=shape)))
        self.bend = bend

    def forward(self, batch):
        value = self.bend((batch.double() * self.weights).sum(dim=(1, 2, 3, 4)))
        return torch.stack([torch.zeros_like(value), value], dim=1)


def images(shape):
    rng = np.random.default_rng(2)
    return tuple(rng.normal(size=shape).astype(np.float32) * 0.1 for _ in range(2))


def test_of_a_linear_network_they_are_weight_times_way():
    network = Head((2, 4, 5, 6), lambda value: value).eval()
    array, reference = images((2, 4, 5, 6))
    made = integrated_gradients(network, array, reference, 1)
    wanted = network.weights.detach().numpy() * (array - reference)
    np.testing.assert_allclose(made.values, wanted, atol=1e-6)
    assert made.error < 1e-4
    against = integrated_gradients(network, array, reference, 0)
    np.testing.assert_allclose(against.values, -wanted, atol=1e-6)


def test_steps_are_added_until_the_values_add_up():
    network = Head((1, 4, 4, 4), lambda value: torch.tanh(40 * value)).eval()
    array, reference = images((1, 4, 4, 4))
    coarse = integrated_gradients(network, array, reference, 1, steps=2, most_steps=2)
    fine = integrated_gradients(network, array, reference, 1, steps=2)
    assert coarse.error > 0.05
    assert fine.error <= 0.05
    assert fine.steps > 2


class LastBand(nn.Module):
    """Log odds of class 1 are the mean of the highest band."""

    def __init__(self, levels):
        super().__init__()
        self.bands, self.factor = Bands([levels]), nn.Parameter(torch.ones(()))

    def forward(self, batch):
        value = self.factor * self.bands(batch)[:, -1].mean(dim=(1, 2, 3))
        return torch.stack([torch.zeros_like(value), value], dim=1)


def test_a_plateau_that_passes_a_level_at_once_is_followed():
    """All that the network sees happens within 0.8 % of the way."""
    network = LastBand((0.0, 0.5, 0.508)).eval()
    array, reference = (np.full((1, 2, 2, 2), value, np.float32) for value in (1, 0))
    coarse = integrated_gradients(network, array, reference, 1, most_steps=256)
    fine = integrated_gradients(network, array, reference, 1)
    assert coarse.error > 0.2
    assert fine.error <= 0.05


def test_fewer_steps_at_a_time_where_memory_runs_out(caplog):
    network = Head((1, 3, 3, 3), lambda value: value).eval()
    plain = network.forward

    def small(batch):
        if len(batch) > 2:
            raise RuntimeError("CUDA out of memory")
        return plain(batch)

    array, reference = images((1, 3, 3, 3))
    network.forward = small
    with caplog.at_level(logging.WARNING):
        made = integrated_gradients(network, array, reference, 1, batch=8)
    assert made.error < 1e-4
    assert "continuing with 2" in caplog.text

    def broken(batch):
        raise RuntimeError("weights")

    network.forward = broken
    with pytest.raises(RuntimeError, match="weights"):
        integrated_gradients(network, array, reference, 1)
