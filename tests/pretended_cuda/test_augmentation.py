"""Augmentation on the device: values of the CPU, a few kB on the way, and nobody waits."""

import dataclasses
import math

import numpy as np
import pytest
import torch

from ricenet_v2.training.augmentation.apply import augment
from ricenet_v2.training.augmentation.deform import deform
from ricenet_v2.training.augmentation.draw import Deformation, draw_named
from ricenet_v2.training.mixup import mix
from tests.pretended_cuda.cohort import plan_of

ALWAYS = {
    "p_rotation": 1.0,
    "p_scaling": 1.0,
    "p_elastic": 1.0,
    "p_blur": 1.0,
    "p_low_resolution": 1.0,
    "p_brightness": 1.0,
    "p_contrast": 1.0,
    "p_gamma": 1.0,
    "p_noise": 0.0,  # whose fields come from the device's own generator
    "mirror_axes": (0, 2),
}
SHAPE = (20, 24, 28)


@pytest.fixture
def plan():
    """With every change that does not draw on the device."""
    plan = plan_of()
    augmentation = dataclasses.replace(plan.training.augmentation, **ALWAYS)
    training = dataclasses.replace(plan.training, augmentation=augmentation)
    return dataclasses.replace(plan, training=training)


def _images(n):
    return torch.from_numpy(np.random.default_rng(n).random((n, 3, *SHAPE), dtype=np.float32))


@pytest.mark.parametrize("allows_tf32", [False, True])
def test_a_batch_is_that_of_the_cpu_and_nobody_waits(
    plan, pretended_cuda, monkeypatch, allows_tf32
):
    """The grid of one sample was made on the CPU and copied, 135 MB at 224 voxels a side."""
    images, draws = _images(3), [draw_named(plan, 0, 0, place) for place in range(3)]
    on_cpu = augment(images, draws, plan)
    before = torch.get_float32_matmul_precision()
    try:
        torch.set_float32_matmul_precision("high" if allows_tf32 else "highest")
        with pretended_cuda(emulate_tf32=True) as gpu:
            there = images.to("cuda")
            with gpu.watched() as seen:
                on_device = augment(there, draws, plan)
            changed = on_device.cpu()
    finally:
        torch.set_float32_matmul_precision(before)
    assert not seen.waits, seen
    assert sum(gpu.products.values()) > 0
    assert not gpu.tf32
    assert seen.bytes("up") < 100_000 < 4 * math.prod(SHAPE) * 3
    torch.testing.assert_close(changed, on_cpu, atol=2e-5, rtol=0)
    assert not torch.allclose(on_cpu, images, atol=0.1)


def test_the_parameters_of_a_large_sample_have_less_than_a_hundredth_of_its_grid(pretended_cuda):
    deformation = Deformation(np.eye(3) * 1.1, np.zeros((3, 6, 6, 6)))
    shape = (64, 64, 64)
    with pretended_cuda() as gpu:
        images = torch.zeros((1, *shape), device="cuda")
        with gpu.watched() as seen:
            deform(images, deformation, (2,), (1.0, 1.0, 1.0))
    grid = 4 * 3 * math.prod(shape)
    assert 0 < seen.bytes("up") < grid / 100
    assert not seen.waits, seen


def test_mixup_sends_shares_and_partners_without_a_wait(pretended_cuda):
    images, targets = _images(4), torch.eye(4)
    on_cpu = mix(images, targets, 0.4, np.random.default_rng(0))
    with pretended_cuda() as gpu:
        there = images.to("cuda"), targets.to("cuda")
        with gpu.watched() as seen:
            mixed = mix(*there, 0.4, np.random.default_rng(0))
        on_device = [each.cpu() for each in mixed]
    assert not seen.waits, seen
    for ours, theirs in zip(on_device, on_cpu, strict=True):
        torch.testing.assert_close(ours, theirs)
