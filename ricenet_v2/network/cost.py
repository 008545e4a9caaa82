"""What one training step needs, counted on torch's meta device from the very network."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from ricenet_v2.network.build import build_network
from ricenet_v2.records.plan import MemoryEstimate, NetworkPlan, Shape

_FLOAT_BYTES = 4
# Share of the activations that convolution algorithms and the allocator take on top.
_WORKSPACE_SHARE = 0.25


def saved_bytes(network: nn.Module, images: torch.Tensor) -> int:
    """Bytes that autograd keeps from a forward pass, each storage counted once.

    The network's own parameters and buffers and the images themselves are not counted.

    Args:
        network: In training mode, on the device of the images.
        images: (B, C, Z, Y, X); the meta device will do.
    """
    mine = [*network.parameters(), *network.buffers(), images]
    own = {tensor.untyped_storage()._cdata for tensor in mine}  # noqa: SLF001
    # The tensors are kept alive while counting, so that no storage's identity is used twice.
    kept: dict[int, torch.Tensor] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        identity = tensor.untyped_storage()._cdata  # noqa: SLF001
        if identity not in own:
            kept.setdefault(identity, tensor.detach())
        return tensor

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        network(images).sum()
    return sum(tensor.untyped_storage().nbytes() for tensor in kept.values())


def multiply_adds(network: nn.Module, images: torch.Tensor) -> int:
    """Multiply-adds of the convolutions and linear layers in one forward pass."""
    total = 0

    def count(module: nn.Module, _inputs: Any, output: torch.Tensor) -> None:
        nonlocal total
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        per_output = weight[0].numel()
        total += output.numel() * per_output

    layers = [m for m in network.modules() if isinstance(m, nn.Conv3d | nn.Linear)]
    handles = [layer.register_forward_hook(count) for layer in layers]
    try:
        with torch.no_grad():
            network(images)
    finally:
        for handle in handles:
            handle.remove()
    return total


def estimate(
    plan: NetworkPlan, n_channels: int, n_classes: int, input_size: Shape, batch: int
) -> MemoryEstimate:
    """Bytes and work of one float32 training step with AdamW and averaged weights.

    Mixed precision needs less: the estimate is on the safe side.

    Args:
        plan: The network.
        n_channels: Input channels.
        n_classes: Classes.
        input_size: Voxels along (z, y, x).
        batch: Samples on the device.

    Raises:
        PlanError: The network cannot train on this input size.
    """
    with torch.device("meta"):
        network = build_network(plan, n_channels, n_classes, input_size).train()
        # Two samples: norms refuse to train on a single value; all but parameters is linear in it.
        images = torch.empty((2, n_channels, *input_size))
        activations = saved_bytes(network, images) * batch // 2
        work = multiply_adds(network, images) // 2
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    parameter_bytes = n_parameters * _FLOAT_BYTES
    inputs = batch * n_channels * input_size[0] * input_size[1] * input_size[2] * _FLOAT_BYTES
    return MemoryEstimate(
        parameters=parameter_bytes,
        gradients=parameter_bytes,
        optimiser_state=2 * parameter_bytes,  # first and second moment of AdamW
        ema=parameter_bytes,
        activations=activations,
        inputs=2 * inputs,  # the batch at work and the next one on its way
        workspace=int(activations * _WORKSPACE_SHARE),
        n_parameters=n_parameters,
        multiply_adds=work * batch,
    )
