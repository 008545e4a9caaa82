from __future__ import annotations

import pytest
import torch

from ricenet_v2.network.meta_norm import outputs_of_norm
from ricenet_v2.network.tensor_memory import LiveBytes

FORWARD = torch.ops.aten.native_batch_norm.default
BACKWARD = torch.ops.aten.native_batch_norm_backward.default


def described(tensors):
    return [t if t is None else (t.shape, t.dtype, t.stride(), t.device) for t in tensors]


@pytest.mark.parametrize("images_in", [torch.float32, torch.bfloat16, torch.float16])
@pytest.mark.parametrize("has_weights", [True, False])
@pytest.mark.parametrize("shape", [(1, 6, 4, 5, 3), (2, 3, 7)])
def test_shapes_and_formats_are_those_of_torch(images_in, has_weights, shape):
    images = torch.empty(shape, dtype=images_in, device="meta")
    vector = torch.empty(shape[1], device="meta")
    weight = vector if has_weights else None
    inputs = (images, weight, weight, None, None, True, 0.1, 1e-5)
    assert described(outputs_of_norm(FORWARD, inputs)) == described(FORWARD(*inputs))
    needed = [True, has_weights, has_weights]
    inputs = (images, images, weight, None, None, vector, vector, True, 1e-5, needed)
    assert described(outputs_of_norm(BACKWARD, inputs)) == described(BACKWARD(*inputs))


def test_all_else_is_left_to_torch():
    images, vector = torch.empty((1, 2, 3), device="meta"), torch.empty(2, device="meta")
    by_stored = (images, vector, vector, vector, vector, False, 0.1, 1e-5)
    assert outputs_of_norm(FORWARD, by_stored) is None
    assert outputs_of_norm(FORWARD, (torch.ones(1, 2, 3), *by_stored[1:5], True, 0.1, 1e-5)) is None
    assert outputs_of_norm(torch.ops.aten.relu.default, (images,)) is None


def test_bytes_on_the_meta_device_are_those_of_the_cpu():
    peaks = []
    for device in ("meta", "cpu"):
        layer = torch.nn.InstanceNorm3d(3, affine=True, device=device)
        images = torch.zeros((2, 3, 4, 5, 6), device=device)
        with LiveBytes([*layer.parameters(), images]) as live:
            layer(images).sum().backward()
        peaks.append((live.peak, live.largest))
    assert peaks[0] == peaks[1]
