from __future__ import annotations

import dataclasses

import pytest
import torch

from ricenet_v2.core.errors import PlanError
from ricenet_v2.network.build import build_network
from ricenet_v2.records.architectures import ARCHITECTURES
from tests.network.plans import PAPER, RESIDUAL


@pytest.mark.parametrize("norm", ["instance", "batch"])
@pytest.mark.parametrize("batch", [1, 2])
def test_a_step_trains_every_parameter(norm, batch):
    network = build_network(dataclasses.replace(RESIDUAL, norm=norm), 2, 3).train()
    images = torch.randn(batch, 2, 8, 16, 24, generator=torch.Generator().manual_seed(1))
    logits = network(images)
    assert logits.shape == (batch, 3)
    logits.square().sum().backward()
    assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())


def test_the_logits_are_the_head_on_the_average_of_the_features():
    network = build_network(RESIDUAL, 2, 3).eval()
    images = torch.randn(2, 2, 8, 16, 24, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        maps = network.features(images)
        assert maps.shape == (2, 8, 4, 2, 3)
        expected = torch.einsum("bfzyx,kf->bk", maps, network.head.weight) / 24
        expected = expected + network.head.bias
        torch.testing.assert_close(network(images), expected)


def test_dropout_acts_in_training_only():
    plan = dataclasses.replace(RESIDUAL, dropout=0.5)
    network = build_network(plan, 1, 2)
    images = torch.randn(1, 1, 8, 16, 16, generator=torch.Generator().manual_seed(1))
    network.eval()
    torch.testing.assert_close(network(images), network(images))
    network.train()
    torch.manual_seed(0)
    assert len({network(images)[0, 0].item() for _ in range(8)}) > 1


@pytest.mark.parametrize("plan", [RESIDUAL, PAPER], ids=lambda plan: plan.architecture)
def test_stochastic_depth_skips_branches_of_single_samples_in_training_only(plan):
    plan = dataclasses.replace(plan, norm="instance", features=(4, 8, 8, 8)[: len(plan.features)])
    whole = build_network(plan, 2, 2)
    skipping = build_network(dataclasses.replace(plan, stochastic_depth=0.5), 2, 2)
    skipping.load_state_dict(whole.state_dict())
    images = torch.randn(1, 2, 64, 64, 64).repeat(4, 1, 1, 1, 1)
    torch.manual_seed(0)
    with torch.no_grad():
        assert torch.equal(whole.eval()(images), skipping.eval()(images))
        drawn = skipping.train()(images)
    assert len({tuple(row.tolist()) for row in drawn}) > 1


def test_deepest_map_is_the_one_of_the_network():
    for plan, size in ((RESIDUAL, (6, 16, 24)), (PAPER, (33, 40, 64))):
        with torch.device("meta"):
            network = build_network(plan, 1, 2)
            maps = network.features(torch.empty(1, 1, *size))
        assert tuple(maps.shape[2:]) == ARCHITECTURES[plan.architecture].deepest_map(plan, size)


def test_a_last_map_of_one_voxel_is_refused():
    build_network(RESIDUAL, 1, 2, (2, 8, 16))
    with pytest.raises(PlanError, match=r"\(1, 1, 1\) from an input of \(2, 8, 8\)"):
        build_network(RESIDUAL, 1, 2, (2, 8, 8))
    with pytest.raises(PlanError, match="single voxel"):
        build_network(PAPER, 1, 2, (32, 32, 32))


def test_an_input_that_the_strides_do_not_divide_is_refused():
    with pytest.raises(PlanError, match=r"multiples of \(2, 8, 8\)"):
        build_network(RESIDUAL, 1, 2, (6, 20, 16))


def test_stages_that_do_not_fit_are_refused():
    with pytest.raises(PlanError, match="'blocks': 2"):
        build_network(dataclasses.replace(RESIDUAL, blocks=(1, 1)), 1, 2)


def _shortcut(block):
    return [name for name, _ in block.shortcut.named_parameters()]


def test_resnet18_has_the_published_layers():
    """Counted by hand from the table of He et al. (2016), kernels cubed, shortcut B."""
    convolutions = 3 * 64 * 343 + 4 * 64 * 64 * 27
    for inputs, outputs in ((64, 128), (128, 256), (256, 512)):
        convolutions += inputs * outputs * 27 + 3 * outputs * outputs * 27 + inputs * outputs
    norms = 2 * (64 + 4 * 64 + 5 * 128 + 5 * 256 + 5 * 512)
    with torch.device("meta"):
        network = build_network(PAPER, 3, 2)
    counted = sum(p.numel() for p in network.parameters())
    assert counted == convolutions + norms + 512 * 2 + 2
    stages = list(network.encoder.stages)
    assert _shortcut(stages[0][0]) == []
    assert [len(_shortcut(stage[0])) for stage in stages[1:]] == [3, 3, 3]
    assert [tuple(stage[0].conv1.stride) for stage in stages] == [
        (1, 1, 1),
        (2, 2, 2),
        (2, 2, 2),
        (2, 2, 2),
    ]


def test_the_stem_takes_its_stride_from_the_plan():
    fine = dataclasses.replace(PAPER, strides=((1, 1, 1), *PAPER.strides[1:]))
    with torch.device("meta"):
        for plan, size in ((PAPER, 8), (fine, 16)):
            assert build_network(plan, 1, 2).encoder.stem(torch.empty(1, 1, 32, 32, 32)).shape == (
                1,
                64,
                size,
                size,
                size,
            )
