"""The network as training calls it: compiled, shared by processes, in mixed precision."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from ricenet_v2.network.device import mixed_precision
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
    """Mixed precision as the device has it, where the plan wants it; else float32."""
    return mixed_precision(device) if plan.mixed_precision else "float32"


def uses_tf32(device: torch.device, plan: TrainingPlan) -> bool | None:
    """Whether convolutions of training round their factors to TF32; None off CUDA.

    Cards from Ampere on do it, in float32.
    """
    if device.type != "cuda":
        return None
    return precision(device, plan) == "float32" and mixed_precision(device) == "bfloat16"


@contextmanager
def tuned(plan: TrainingPlan) -> Iterator[None]:
    """Let cuDNN time its algorithms inside the block, where the plan wants that."""
    before = torch.backends.cudnn.benchmark
    torch.backends.cudnn.benchmark = before or plan.cudnn_benchmark
    try:
        yield
    finally:
        torch.backends.cudnn.benchmark = before


def autocast(device: torch.device, plan: TrainingPlan, *, caches: bool = True) -> torch.autocast:
    """The context of a forward pass, in the precision that `precision` names.

    Args:
        device: Where it computes.
        plan: Settings.
        caches: Keep the casts of weights for the length of the context, as torch does by default.
    """
    chosen = precision(device, plan)
    dtype = torch.float16 if chosen == "float16" else torch.bfloat16
    enabled = chosen != "float32"
    return torch.autocast(device.type, dtype=dtype, enabled=enabled, cache_enabled=caches)


def moved(tensor: torch.Tensor, device: torch.device, plan: TrainingPlan) -> torch.Tensor:
    """A tensor on the device; pinned on the way to CUDA, voxels as the plan lays them out."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        tensor = tensor.pin_memory()
    there = tensor.to(device, non_blocking=device.type == "cuda")
    if plan.channels_last and there.ndim == 5:
        return there.contiguous(memory_format=torch.channels_last_3d)
    return there
