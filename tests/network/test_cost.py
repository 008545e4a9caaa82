from __future__ import annotations

import dataclasses

import pytest
import torch
from torch.autograd.graph import saved_tensors_hooks

from ricenet_v2.core.errors import PlanError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate
from ricenet_v2.records.plan import NetworkPlan

RESIDUAL = NetworkPlan(
    architecture="residual_encoder",
    features=(4, 8, 8),
    blocks=(1, 1, 2),
    kernel_sizes=((1, 3, 3), (3, 3, 3), (3, 3, 3)),
    strides=((1, 2, 2), (2, 2, 2), (1, 2, 2)),
    norm="instance",
    dropout=0.0,
    stem="",
)
PAPER = NetworkPlan(
    architecture="resnet18",
    features=(64, 128, 256, 512),
    blocks=(2, 2, 2, 2),
    kernel_sizes=((3, 3, 3),) * 4,
    strides=((2, 2, 2),) * 4,
    norm="batch",
    dropout=0.0,
    stem="",
)

FLAT = dataclasses.replace(
    RESIDUAL,
    kernel_sizes=((1, 3, 3), (1, 3, 3), (3, 3, 3)),
    strides=((1, 1, 1), (1, 2, 2), (2, 2, 2)),
)
SMALL_PAPER = dataclasses.replace(PAPER, features=(8, 8, 16, 16))
PLANS = [
    (RESIDUAL, (8, 24, 24)),
    (dataclasses.replace(RESIDUAL, norm="batch"), (8, 24, 24)),
    (FLAT, (6, 32, 32)),
    (dataclasses.replace(FLAT, norm="batch", dropout=0.3), (6, 32, 32)),
    (SMALL_PAPER, (40, 32, 32)),
]


def bytes_kept_on_cpu(plan: NetworkPlan, channels: int, size: tuple[int, int, int], batch: int):
    """Real step on the CPU: every storage that backward keeps, by its address."""
    network = build_network(plan, channels, 2).train()
    images = torch.randn(batch, channels, *size)
    known = {t.untyped_storage().data_ptr() for t in [*network.parameters(), images]}
    kept: dict[int, int] = {}
    alive = []

    def pack(tensor):
        storage = tensor.untyped_storage()
        if storage.data_ptr() not in known:
            kept[storage.data_ptr()] = storage.nbytes()
            alive.append(tensor)
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        loss = torch.nn.functional.cross_entropy(network(images), torch.zeros(batch).long())
    loss.backward()
    return sum(kept.values())


@pytest.mark.parametrize(("plan", "size"), PLANS)
@pytest.mark.parametrize("batch", [2, 3])
def test_activations_are_those_of_a_real_step(plan, size, batch):
    found = estimate(plan, 3, 2, size, batch)
    assert found.activations == pytest.approx(bytes_kept_on_cpu(plan, 3, size, batch), rel=0.05)


def test_weights_and_inputs_are_counted_in_float32():
    found = estimate(RESIDUAL, 3, 2, (8, 24, 24), 4)
    counted = sum(p.numel() for p in build_network(RESIDUAL, 3, 2).parameters())
    assert found.n_parameters == counted
    assert found.parameters == found.gradients == found.ema == 4 * counted
    assert found.optimiser_state == 8 * counted
    assert found.inputs == 2 * 4 * 3 * 8 * 24 * 24 * 4


@pytest.mark.parametrize(("stride", "tera_flop"), [(2, 0.46), (1, 3.68)])
def test_work_of_the_paper_network_is_the_published_one(stride, tera_flop):
    """Figures of one forward pass of 3 x 224^3 in the paper notes, two per multiply-add."""
    plan = dataclasses.replace(PAPER, strides=((stride,) * 3, *PAPER.strides[1:]))
    found = estimate(plan, 3, 2, (224, 224, 224), 1)
    assert 2 * found.multiply_adds / 1e12 == pytest.approx(tera_flop, rel=0.01)


def test_everything_but_the_weights_grows_with_the_batch():
    one, four = (estimate(RESIDUAL, 3, 2, (8, 24, 24), batch) for batch in (1, 4))
    assert four.activations == pytest.approx(4 * one.activations, rel=1e-3)
    assert four.multiply_adds == 4 * one.multiply_adds
    assert four.parameters == one.parameters


def test_a_plan_that_cannot_train_has_no_cost():
    with pytest.raises(PlanError, match="single voxel"):
        estimate(PAPER, 1, 2, (16, 16, 16), 2)
