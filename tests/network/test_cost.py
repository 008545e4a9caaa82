from __future__ import annotations

import dataclasses
import math
import random

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.autograd.graph import saved_tensors_hooks

from ricenet_v2.core.errors import PlanError
from ricenet_v2.network.build import build_network
from ricenet_v2.network.cost import estimate, training_step
from ricenet_v2.records.plan_parts import NetworkPlan
from ricenet_v2.training.ema import Ema
from tests.network.plans import PAPER, RESIDUAL


def step_on_cpu(plan: NetworkPlan, channels: int, size: tuple[int, int, int], batch, precision):
    """Real step on the CPU: bytes of all storages that backward keeps, by address, and the peak."""
    network = build_network(plan, channels, 2).train()
    images = torch.randn(batch, channels, *size)
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
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
        with mixed:
            logits = network(images)
        loss = torch.nn.functional.cross_entropy(logits.float(), torch.zeros(batch).long())
    loss.backward()
    return sum(kept.values())


def random_plan(seed: int):
    """Architecture, stages, norm, size, channels, batch and precision, all drawn."""
    rng = random.Random(seed)
    norm, channels, batch = rng.choice(["instance", "batch"]), rng.randint(1, 4), rng.randint(1, 3)
    if rng.random() < 0.35:
        width = rng.choice([2, 4])
        plan = dataclasses.replace(
            PAPER, features=(width, width, 2 * width, 3 * width), norm=norm, blocks=(2, 1, 2, 1)
        )
        size = tuple(rng.sample([64, 9, 16], 3))
    else:
        stages = rng.randint(2, 3)
        strides = [tuple(rng.choice([1, 2]) for _ in range(3)) for _ in range(stages)]
        plan = NetworkPlan(
            architecture="residual_encoder",
            features=tuple(rng.randint(2, 6) for _ in range(stages)),
            blocks=tuple(rng.randint(1, 3) for _ in range(stages)),
            kernel_sizes=tuple(tuple(rng.choice([1, 3]) for _ in range(3)) for _ in strides),
            strides=tuple(strides),
            norm=norm,
            dropout=rng.choice([0.0, 0.3]),
            stem="",
            stem_features=rng.choice([None, 2]),
        )
        total = [math.prod(stride[axis] for stride in strides) for axis in range(3)]
        size = tuple(n * rng.randint(2, 16 // n) for n in total)
    return plan, channels, size, batch, rng.choice(["float32", "bfloat16"])


N_RANDOM = 36


@pytest.mark.parametrize("seed", range(N_RANDOM))
def test_activations_are_those_of_a_real_step(seed):
    plan, channels, size, batch, precision = random_plan(seed)
    found = estimate(plan, channels, 2, size, batch, precision, backend="cpu")
    kept = step_on_cpu(plan, channels, size, batch, precision)
    assert found.activations == pytest.approx(kept, rel=0.05)
    assert found.precision == precision


def test_the_random_plans_are_of_every_sort():
    drawn = [random_plan(seed) for seed in range(N_RANDOM)]
    assert {plan.architecture for plan, *_ in drawn} == {"residual_encoder", "resnet18"}
    assert {(plan.architecture, precision) for plan, *_, precision in drawn} == {
        (architecture, precision)
        for architecture in ("residual_encoder", "resnet18")
        for precision in ("float32", "bfloat16")
    }
    assert {plan.norm for plan, *_ in drawn} == {"instance", "batch"}
    assert {batch for *_, batch, _ in drawn} == {1, 2, 3}
    assert any(len(set(stride)) > 1 for plan, *_ in drawn for stride in plan.strides)


@pytest.mark.parametrize("seed", range(0, N_RANDOM, 3))
def test_the_step_never_holds_more_than_was_told(seed):
    """Every storage of a real step on the CPU, from the operation that makes it to its end."""
    plan, channels, size, batch, precision = random_plan(seed)
    found = estimate(plan, channels, 2, size, batch, precision, backend="cpu")
    network = build_network(plan, channels, 2).train()
    mixed = torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16")
    real = training_step(network, torch.randn(batch, channels, *size), mixed)
    highest = found.activations + found.gradients + found.workspace
    assert real.peak <= highest
    # What is added for algorithms and the allocator is known; the rest is no more than needed.
    needed = max(real.peak, found.activations + found.gradients, 3 * found.gradients)
    assert highest <= 1.05 * (needed + real.largest_convolution + 0.05 * found.activations)


@pytest.mark.parametrize("plan", [RESIDUAL, dataclasses.replace(PAPER, features=(4, 4, 8, 8))])
@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_mixed_precision_follows_the_list_of_cuda(plan, norm):
    """Against torch's own autocast for CUDA, on tensors that only pretend to be on a GPU."""
    plan, size = dataclasses.replace(plan, norm=norm), (64, 16, 16)
    was = torch.is_autocast_enabled("cuda"), torch.get_autocast_dtype("cuda")
    kept = {}

    def pack(tensor):
        if id(tensor.untyped_storage()) not in own:
            kept[tensor.untyped_storage()._cdata] = tensor.untyped_storage().nbytes()
        return tensor

    with FakeTensorMode():
        with torch.device("cuda"):
            network = build_network(plan, 3, 2).train()
            images = torch.empty(2, 3, *size)
        own = {id(t.untyped_storage()) for t in [*network.parameters(), *network.buffers(), images]}
        try:
            torch.set_autocast_enabled("cuda", True)
            torch.set_autocast_dtype("cuda", torch.bfloat16)
            with saved_tensors_hooks(pack, lambda tensor: tensor):
                network(images).float().sum()
        finally:
            torch.clear_autocast_cache()
            torch.set_autocast_enabled("cuda", was[0])
            torch.set_autocast_dtype("cuda", was[1])
    found = estimate(plan, 3, 2, size, 2, "bfloat16")
    assert found.activations == pytest.approx(sum(kept.values()), rel=0.05)


def test_mixed_precision_keeps_about_half():
    plan = dataclasses.replace(RESIDUAL, features=(32, 64, 64))
    full, mixed = (estimate(plan, 3, 2, (32, 64, 64), 2, p) for p in ("float32", "bfloat16"))
    assert 0.5 * full.activations < mixed.activations < 0.6 * full.activations
    assert mixed.total < 0.65 * full.total


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_step_on_cuda_stays_within_the_estimate(precision):
    size = (64, 64, 64)
    plan = dataclasses.replace(RESIDUAL, features=(32, 64, 128))
    network = build_network(plan, 3, 2).train().cuda()
    images = torch.randn(2, 3, *size, device="cuda")
    torch.cuda.reset_peak_memory_stats()
    with torch.autocast("cuda", torch.bfloat16, enabled=precision == "bfloat16"):
        logits = network(images)
    torch.nn.functional.cross_entropy(logits.float(), torch.zeros(2).long().cuda()).backward()
    found = estimate(plan, 3, 2, size, 2, precision)
    assert torch.cuda.max_memory_allocated() <= found.total


def test_weights_and_inputs_are_counted_in_float32():
    found = estimate(RESIDUAL, 3, 2, (8, 24, 24), 4)
    counted = sum(p.numel() for p in build_network(RESIDUAL, 3, 2).parameters())
    assert found.n_parameters == counted
    assert found.parameters == found.gradients == 4 * counted
    assert found.optimiser_state == 8 * counted
    assert found.inputs == 2 * 4 * 3 * 8 * 24 * 24 * 4


@pytest.mark.parametrize(("stride", "tera_flop"), [(2, 0.46), (1, 3.68)])
def test_work_of_the_paper_network_is_the_published_one(stride, tera_flop):
    """Numbers of one forward pass of 3 x 224^3 in the paper notes, two per multiply-add."""
    plan = dataclasses.replace(PAPER, strides=((stride,) * 3, *PAPER.strides[1:]))
    found = estimate(plan, 3, 2, (224, 224, 224), 1)
    assert 2 * found.multiply_adds / 1e12 == pytest.approx(tera_flop, rel=0.01)


def test_buffers_and_biases_are_counted():
    plan = dataclasses.replace(RESIDUAL, norm="batch")
    network = build_network(plan, 3, 2)
    found = estimate(plan, 3, 2, (8, 24, 24), 2)
    # By hand: running mean and variance of each feature, and a count of 8 bytes, for each norm.
    norms = [m for m in network.modules() if isinstance(m, torch.nn.BatchNorm3d)]
    buffers = sum(2 * 4 * norm.num_features + 8 for norm in norms)
    assert found.parameters == found.gradients + buffers
    weights = {id(value): value for value in Ema(network, 0.9).weights.values()}.values()
    assert found.ema == sum(value.numel() * value.element_size() for value in weights)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(("plan", "size"), [(RESIDUAL, (8, 24, 24)), (PAPER, (64, 32, 32))])
def test_everything_but_the_weights_grows_with_the_batch(plan, size, precision):
    """Straight: casts of the weights stay, each further sample adds the same."""
    one, two, five = (estimate(plan, 3, 2, size, batch, precision) for batch in (1, 2, 5))
    assert five.activations - two.activations == pytest.approx(
        3 * (two.activations - one.activations), rel=1e-3
    )
    assert five.total - two.total == pytest.approx(3 * (two.total - one.total), rel=0.02)
    assert five.multiply_adds == 5 * one.multiply_adds
    assert five.inputs == 5 * one.inputs
    assert (five.parameters, five.gradients) == (one.parameters, one.gradients)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_larger_input_never_needs_less(precision):
    """The search for what fits skips by this."""
    sizes = [(2, 8, 16), (2, 16, 16), (4, 16, 16), (4, 24, 32), (16, 32, 32)]
    totals = [estimate(RESIDUAL, 3, 2, size, 2, precision).total for size in sizes]
    assert totals == sorted(totals)


def test_a_plan_that_cannot_train_has_no_cost():
    with pytest.raises(PlanError, match="single voxel"):
        estimate(PAPER, 1, 2, (16, 16, 16), 2)
