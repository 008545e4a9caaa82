"""Memory and operations of a training step, counted on torch's meta device from the network itself.

The memory of a step is what is always there (weights, AdamW's two moments, the averaged weights,
the batch at work and the next one) and what the step itself makes. The second part is counted by
running the step, forward and backward, on tensors without data and following every storage from
the operation that makes it to the death of its last tensor. Two moments matter:

- At the end of the forward pass all activations that backward needs are alive, no gradient yet.
- In the first layers' backward pass most activations are gone, but the gradients of all weights
  are there and several gradients of the largest maps at once. Where a network works at full
  resolution in its first layers only, this is the higher of the two.

`MemoryEstimate` reports the activations and the gradients in full, and in `workspace` what the
highest moment takes beyond their sum, so that `total` is never below any moment of the step. The
update comes after all activations are gone; AdamW makes up to two copies of the weights then.

What cannot be counted without the device is allowed for: one convolution at a time may take scratch
memory, for which the input and the output of the largest one are added (cuDNN copies them to its
own layout), and 5 % of the activations for blocks that the allocator cannot use again. Both are a
choice, not a measurement; the CUDA context is the command's to subtract from the device's memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from torch.nn import functional

from ricenet_v2.core.types import Shape
from ricenet_v2.network.build import build_network
from ricenet_v2.network.checkpointing import checkpoint_activations
from ricenet_v2.network.mixed import Backend, MixedPrecision
from ricenet_v2.network.tensor_memory import LiveBytes, storage_key
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.plan_parts import MemoryEstimate, NetworkPlan, Precision

_FLOAT_BYTES = 4
_ALLOCATOR_SHARE = 0.05
_COPIES_OF_UPDATE = 2


@dataclass(frozen=True)
class StepCost:
    """Bytes that a training step allocates, without weights and images.

    Attributes:
        activations: Kept for the backward pass, each storage once; with mixed precision also
            the casts of the weights.
        peak: Most that is alive at once, gradients of the weights among it.
        largest_convolution: Input and output of the convolution with the largest ones.
        multiply_adds: Multiply-adds of the convolutions and linear layers, forward pass only.
        largest_map: Elements of the largest tensor.
    """

    activations: int
    peak: int
    largest_convolution: int
    multiply_adds: int
    largest_map: int


def training_step(
    network: nn.Module,
    images: torch.Tensor,
    casts: AbstractContextManager[Any] | None = None,
    *,
    is_checkpointed: bool = False,
) -> StepCost:
    """Run a step, forward and backward, and count.

    Args:
        network: Network in training mode, on the device of the images, without gradients.
        images: (B, C, Z, Y, X); the meta device will do.
        casts: Context of the forward pass that makes it mixed precision.
        is_checkpointed: Whether the network checkpoints its activations.
    """
    resident = [*network.parameters(), *network.buffers(), images]
    resident_keys = {storage_key(tensor) for tensor in resident}
    kept: dict[int, int] = {}

    def pack(tensor: torch.Tensor) -> torch.Tensor:
        # The graph keeps what it saves until backward, so no key is used twice before.
        if storage_key(tensor) not in resident_keys:
            kept[storage_key(tensor)] = tensor.untyped_storage().nbytes()
        return tensor

    live = LiveBytes(resident)
    with live, _watched(network) as sizes:
        with saved_tensors_hooks(pack, lambda tensor: tensor):
            with casts or nullcontext():
                logits = network(images)
            targets = torch.zeros(len(images), dtype=torch.long, device=images.device)
            loss = functional.cross_entropy(logits.float(), targets)
        # What checkpointing keeps, it keeps past the hooks; the rest of what is alive is the loss.
        activations = live.now if is_checkpointed else sum(kept.values())
        work = sum(sizes.work)
        loss.backward()  # type: ignore[no-untyped-call]
    largest = max(live.largest, images.numel())
    return StepCost(activations, live.peak, max(sizes.bytes), work, largest)


@dataclass(frozen=True)
class _Layers:
    """Bytes in and out, and multiply-adds, of each convolution and linear layer that ran."""

    bytes: list[int]
    work: list[int]


@contextmanager
def _watched(network: nn.Module) -> Iterator[_Layers]:
    seen = _Layers([], [])

    def note(module: nn.Module, inputs: tuple[torch.Tensor, ...], output: torch.Tensor) -> None:
        weight = module.weight
        assert isinstance(weight, torch.Tensor)
        seen.bytes.append((inputs[0].numel() + output.numel()) * output.element_size())
        seen.work.append(output.numel() * weight[0].numel())

    layers = [m for m in network.modules() if isinstance(m, nn.Conv3d | nn.Linear)]
    handles = [layer.register_forward_hook(note) for layer in layers]
    try:
        yield seen
    finally:
        for handle in handles:
            handle.remove()


def estimate(
    plan: NetworkPlan,
    n_channels: int,
    n_classes: int,
    input_size: Shape,
    batch: int,
    precision: Precision = "float32",
    backend: Backend = "cuda",
    *,
    checkpointing: bool = False,
) -> MemoryEstimate:
    """Bytes and work of one training step with AdamW and averaged weights, at its highest moment.

    The whole batch is run, not scaled up from a smaller one. Weights, gradients, moments, averaged
    weights and images are float32 in both precisions.

    Args:
        plan: The network.
        n_channels: Input channels.
        n_classes: Classes.
        input_size: Voxels along (z, y, x).
        batch: Samples on the device.
        precision: `float32`, or `bfloat16` or `float16` for mixed precision under autocast.
        backend: Backend whose function list autocast follows. Training is mixed on CUDA only; the
            CPU's list pools in float32 and so keeps more.
        checkpointing: Whether activations are checkpointed.

    Raises:
        PlanError: The network cannot train on this input size.
        PluginError: The package that brings the network is missing or fails.
    """
    with torch.device("meta"):
        network = build_network(plan, n_channels, n_classes, input_size).train()
        images = torch.empty((batch, n_channels, *input_size))
    casts = None if precision == "float32" else MixedPrecision(backend)
    if checkpointing:
        checkpoint_activations(network, casts)
    with ARCHITECTURES.blamed(plan.architecture, "cannot be trained"):
        step = training_step(network, images, casts, is_checkpointed=checkpointing)
    n_parameters = sum(parameter.numel() for parameter in network.parameters())
    weights = n_parameters * _FLOAT_BYTES
    buffers = sum(buffer.numel() * buffer.element_size() for buffer in network.buffers())
    # The averaged weights copy every tensor of the state once: blocks of the residual encoder name
    # a layer twice.
    named = {id(value): value for value in network.state_dict(keep_vars=True).values()}
    state = sum(value.numel() * value.element_size() for value in named.values())
    highest = max(step.peak, (1 + _COPIES_OF_UPDATE) * weights)
    scratch = step.largest_convolution + int(step.activations * _ALLOCATOR_SHARE)
    return MemoryEstimate(
        parameters=weights + buffers,
        gradients=weights,
        optimiser_state=2 * weights,  # first and second moment of AdamW
        ema=state,
        activations=step.activations,
        inputs=2 * images.numel() * _FLOAT_BYTES,  # the batch at work and the next on its way
        workspace=max(0, highest - step.activations - weights) + scratch,
        n_parameters=n_parameters,
        multiply_adds=step.multiply_adds,
        precision=precision,
        largest_map=step.largest_map,
    )
