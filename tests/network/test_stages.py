"""What the parts cost: against real forward passes, and in sum against the estimate."""

from __future__ import annotations

import dataclasses
import math

import pytest
import torch
from torch import nn

from ricenet_v2.core.errors import PlanError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.network.stages import stage_costs
from tests.network import plans

RESIDUAL = dataclasses.replace(plans.RESIDUAL, dropout=0.3)
PAPER = dataclasses.replace(plans.PAPER, features=(8, 8, 16, 16))
PLANS = [
    (RESIDUAL, (8, 24, 24)),
    (dataclasses.replace(RESIDUAL, norm="batch", dropout=0.0), (8, 24, 24)),
    (PAPER, (64, 32, 32)),
    (PAPER, (37, 33, 32)),
]


@pytest.mark.parametrize(("plan", "size"), PLANS)
@pytest.mark.parametrize(("batch", "channels", "classes"), [(2, 1, 2), (4, 8, 3)])
def test_the_parts_add_up_to_the_estimate(plan, size, batch, channels, classes):
    parts = stage_costs(plan, channels, classes, size, batch)
    whole = estimate(plan, channels, classes, size, batch)
    assert sum(part.n_parameters for part in parts) == whole.n_parameters
    # The estimate may scale a batch of two, so that moments of batch norms count a little more.
    assert sum(part.activations for part in parts) == pytest.approx(whole.activations, rel=1e-3)
    assert sum(part.multiply_adds for part in parts) == whole.multiply_adds


@pytest.mark.parametrize(("plan", "size"), PLANS)
def test_sizes_and_weights_are_those_of_a_real_pass(plan, size):
    network = build_network(plan, 3, 2)
    parts = {part.name: part for part in stage_costs(plan, 3, 2, size, 2)}
    x = network.encoder.stem(torch.randn(2, 3, *size))
    maps = {"stem": (network.encoder.stem, x)}
    for number, stage in enumerate(network.encoder.stages, start=1):
        x = stage(x)
        maps[f"stage {number}"] = (stage, x)
    assert list(parts) == [*maps, "pool", "head"]
    for name, (module, made) in maps.items():
        assert (parts[name].features, *parts[name].size) == made.shape[1:]
        assert parts[name].n_parameters == sum(p.numel() for p in module.parameters())
    assert (parts["head"].features, parts["head"].n_parameters) == (2, 2 * plan.features[-1] + 2)


@pytest.mark.parametrize(("plan", "size"), PLANS[:3])
def test_kernels_blocks_and_strides_are_those_of_the_network(plan, size):
    network = build_network(plan, 3, 2)
    before = size
    modules = [network.encoder.stem, *network.encoder.stages]
    for part, module in zip(stage_costs(plan, 3, 2, size, 2), modules, strict=False):
        assert part.size == tuple(n // s for n, s in zip(before, part.stride, strict=True))
        before = part.size
        convolutions = [m for m in module.modules() if isinstance(m, nn.Conv3d)]
        kernels = {m.kernel_size for m in convolutions if m.kernel_size != (1, 1, 1)}
        assert kernels == {part.kernel}
        bodies = [m for m in module.modules() if type(m).__name__.startswith("BasicBlock")]
        assert len(bodies) == part.blocks


def test_the_stem_keeps_its_two_maps_and_the_moments_of_its_norm():
    """By hand: the convolution's map and the activated one, and per norm a mean and a factor."""
    parts = stage_costs(RESIDUAL, 3, 2, (8, 24, 24), 2)
    maps = 2 * (2 * 4 * 8 * 24 * 24) * 4
    moments = 2 * (2 * 4) * 4
    assert parts[0].activations == pytest.approx(maps + moments, abs=2 * moments)
    assert parts[-2].activations == 0
    assert parts[0].multiply_adds == 2 * (4 * 8 * 24 * 24) * 3 * math.prod((1, 3, 3))


def test_a_batch_of_one_costs_half_of_two():
    one, two = (stage_costs(RESIDUAL, 1, 2, (8, 24, 24), batch) for batch in (1, 2))
    for part, double in zip(one, two, strict=True):
        assert 2 * part.multiply_adds == double.multiply_adds
        assert 2 * part.activations == pytest.approx(double.activations, rel=1e-3)


def test_a_network_that_cannot_train_has_no_parts():
    with pytest.raises(PlanError, match="single voxel"):
        stage_costs(PAPER, 1, 2, (16, 16, 16), 2)
