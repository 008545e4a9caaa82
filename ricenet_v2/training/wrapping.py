"""The network as training calls it: compiled, shared by processes, in mixed precision."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ricenet_v2.records.plan_parts import Precision, TrainingPlan
from ricenet_v2.training.process_group import ProcessGroup


def wrapped(network: nn.Module, plan: TrainingPlan, process_group: ProcessGroup) -> nn.Module:
    """The same parameters behind torch.compile and DistributedDataParallel, where wanted.

    Names in the state of what is returned have prefixes: take states from `network` itself.
    """
    model = network
    if plan.compile:
        model = torch.compile(network)  # type: ignore[assignment]
    if process_group.size == 1:
        return model
    devices = [process_group.device] if process_group.device.type == "cuda" else None
    return DistributedDataParallel(model, device_ids=devices)


def without_sync(network: nn.Module, *, enabled: bool) -> AbstractContextManager[Any]:
    """Keep gradients to this process inside the block, where wanted and where there are others."""
    if enabled and isinstance(network, DistributedDataParallel):
        return network.no_sync()
    return nullcontext()


def precision(device: torch.device, plan: TrainingPlan) -> Precision:
    """bfloat16 where the plan wants it and the CUDA device computes in it; else float32."""
    mixed = (
        plan.mixed_precision
        and device.type == "cuda"
        and torch.cuda.is_bf16_supported(including_emulation=False)
    )
    return "bfloat16" if mixed else "float32"


def autocast(device: torch.device, plan: TrainingPlan) -> torch.autocast:
    """The context of a forward pass, in the precision that `precision` names."""
    enabled = precision(device, plan) == "bfloat16"
    return torch.autocast(device.type, dtype=torch.bfloat16, enabled=enabled)


def moved(tensor: torch.Tensor, device: torch.device, plan: TrainingPlan) -> torch.Tensor:
    """A tensor on the device; pinned on the way to CUDA, voxels as the plan lays them out."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    there = tensor.to(device, non_blocking=device.type == "cuda")
    if plan.channels_last and there.ndim == 5:
        return there.contiguous(memory_format=torch.channels_last_3d)
    return there
