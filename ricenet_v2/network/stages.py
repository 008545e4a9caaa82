"""Cost of each part of a network, measured on torch's meta device."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks

from ricenet_v2.core.types import Shape
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.network.tensor_memory import storage_key
from ricenet_v2.records.architectures import ARCHITECTURES, PartLayout
from ricenet_v2.records.plan_parts import NetworkPlan

_ONE = (1, 1, 1)
_POOL, _DROPOUT, _HEAD = "pool", "dropout", "head"


@dataclass(frozen=True)
class StageCost:
    """One part of a network; triples along (z, y, x).

    Attributes:
        name: `stem`, `stage 1` ..., `pool`, `head`.
        features: Channels that leave the part (classes, for the head).
        size: Voxels that leave it; 1 x 1 x 1 after the pool.
        kernel: Kernel of its convolutions; None where it has none.
        stride: Stride of the whole part; None where it has no convolutions.
        blocks: Residual blocks.
        n_parameters: Weights.
        multiply_adds: Multiply-adds of one forward pass of the batch.
        activations: Bytes that a step with the batch keeps for the backward pass.
    """

    name: str
    features: int
    size: Shape
    kernel: Shape | None
    stride: Shape | None
    blocks: int
    n_parameters: int
    multiply_adds: int
    activations: int


def stage_costs(
    plan: NetworkPlan,
    n_channels: int,
    n_classes: int,
    input_size: Shape,
    batch: int,
    casts: AbstractContextManager[Any] | None = None,
) -> tuple[StageCost, ...]:
    """Stem, stages, pool and head, in the order in which images pass them.

    Parameters and multiply-adds add up to those of `cost.estimate`, activations too but for
    what the loss keeps.

    Args:
        plan: The network.
        n_channels: Input channels.
        n_classes: Classes.
        input_size: Voxels along (z, y, x).
        batch: Samples on the device.
        casts: Context of the forward pass that makes it mixed precision.

    Raises:
        PlanError: The network cannot train on this input size.
        PluginError: The package that brings the network is missing or fails.
    """
    with torch.device("meta"):
        network = build_network(plan, n_channels, n_classes, input_size).train()
        images = torch.empty((batch, n_channels, *input_size))
        parts = parts_of(network)
        with casts or nullcontext():
            seen = _ShapeRecorder(network, images, {**parts, _DROPOUT: network.dropout})
    seen.kept[_HEAD] += seen.kept[_DROPOUT]
    layouts = _layouts(plan)
    costs = [
        StageCost(
            name=name,
            features=seen.outputs[name][1],
            size=_spatial(seen.outputs[name]),
            kernel=layouts[name].kernel if name in layouts else None,
            stride=layouts[name].stride if name in layouts else None,
            blocks=layouts[name].blocks if name in layouts else 0,
            n_parameters=sum(weight.numel() for weight in part.parameters()),
            multiply_adds=seen.work[name],
            activations=seen.kept[name],
        )
        for name, part in parts.items()
    ]
    pool = StageCost(_POOL, plan.features[-1], _ONE, None, None, 0, 0, 0, seen.kept[_POOL])
    return (*costs[:-1], pool, costs[-1])


def parts_of(network: Classifier) -> dict[str, nn.Module]:
    """The parts that have weights, by name; all encoders call them stem and stages."""
    stages = network.encoder.get_submodule("stages").children()
    return {
        "stem": network.encoder.get_submodule("stem"),
        **{f"stage {number}": stage for number, stage in enumerate(stages, start=1)},
        _HEAD: network.head,
    }


def _layouts(plan: NetworkPlan) -> dict[str, PartLayout]:
    layouts = ARCHITECTURES[plan.architecture].layouts(plan)
    names = ["stem", *(f"stage {number}" for number in range(1, len(plan.strides) + 1))]
    return dict(zip(names, layouts, strict=True))


class _ShapeRecorder:
    """One forward pass, watched: what each part keeps, works and gives.

    What autograd keeps is charged to the part that keeps it first. Each storage counts once; the
    network's own parameters and buffers and the images do not count.
    """

    def __init__(
        self, network: nn.Module, images: torch.Tensor, parts: Mapping[str, nn.Module]
    ) -> None:
        """Run `network` on `images`; `parts` by name, none inside another."""
        self.kept = dict.fromkeys((*parts, _POOL), 0)
        self.work = dict.fromkeys((*parts, _POOL), 0)
        self.outputs: dict[str, torch.Size] = {}
        self._part = _POOL  # what runs outside of all parts is the pooling
        tensors = (*network.parameters(), *network.buffers(), images)
        self._counted = {storage_key(tensor) for tensor in tensors}
        layers = [m for m in network.modules() if isinstance(m, nn.Conv3d | nn.Linear)]
        handles = [layer.register_forward_hook(self._count_work) for layer in layers]
        for name, part in parts.items():
            handles.append(part.register_forward_pre_hook(partial(self._enter, name)))
            handles.append(part.register_forward_hook(partial(self._leave, name)))
        try:
            with saved_tensors_hooks(self._keep, lambda tensor: tensor):
                # The graph must live to the end: then no storage's identity is used twice.
                self._graph = network(images)
        finally:
            for handle in handles:
                handle.remove()

    def _keep(self, tensor: torch.Tensor) -> torch.Tensor:
        if storage_key(tensor) not in self._counted:
            self._counted.add(storage_key(tensor))
            self.kept[self._part] += tensor.untyped_storage().nbytes()
        return tensor

    def _count_work(self, layer: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        weight = layer.weight
        assert isinstance(weight, torch.Tensor)
        self.work[self._part] += output.numel() * weight[0].numel()

    def _enter(self, name: str, _part: nn.Module, _inputs: object) -> None:
        self._part = name

    def _leave(self, name: str, _part: nn.Module, _inputs: object, output: torch.Tensor) -> None:
        self.outputs[name] = output.shape
        self._part = _POOL


def _spatial(shape: torch.Size) -> Shape:
    z, y, x = shape[2:] or _ONE
    return z, y, x
