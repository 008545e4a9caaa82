"""Device for which a plan is made, unless the user chooses one."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.records.plan_parts import Precision

DEFAULT_MEMORY_GB = 8.0
# The CUDA context and the libraries' kernels, which no tensor can use.
CONTEXT_GB = 0.75


@dataclass(frozen=True)
class DeviceBudget:
    """Memory budget of a training step on a device.

    Attributes:
        memory_gb: GiB that tensors can use.
        precision: Precision for mixed-precision training on it.
        notes: Notes on the budget, in sentences.
    """

    memory_gb: float
    precision: Precision
    notes: tuple[str, ...] = ()


def device_budget(name: str | None = None) -> DeviceBudget:
    """Memory that is free on a CUDA device, and its mixed precision; else 8 GiB and float32.

    Args:
        name: `cuda`, `cuda:1`, `mps` or `cpu`; None takes CUDA where it is there.

    Raises:
        TrainingError: The device is not available.
    """
    import torch

    from ricenet_v2.core.machine import GIB
    from ricenet_v2.network.device import mixed_precision, resolve_device

    device = resolve_device(name)
    if device.type != "cuda":
        return DeviceBudget(DEFAULT_MEMORY_GB, "float32")
    n_free, n_bytes = torch.cuda.mem_get_info(device)
    whole, free = n_bytes / GIB, n_free / GIB
    usable = max(whole / 2, whole - CONTEXT_GB)
    precision = mixed_precision(device)
    # The context of this very process is never more than what is left for one.
    if free >= usable:
        return DeviceBudget(usable, precision)
    note = (
        f"Warning: other programs use {whole - free:.3g} of {whole:.3g} GiB of {device} "
        f"({torch.cuda.get_device_name(device)}), so the plan is for the {free:.3g} GiB that are "
        f"free. Give --gpu_memory_gb {usable:.3g} (gpu_memory_gb={usable:.3g}) to plan for all of "
        "it, or --device for another one."
    )
    return DeviceBudget(free, precision, (note,))
