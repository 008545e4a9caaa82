"""For which device a plan is made, unless a user says."""

from __future__ import annotations

from typing import Any

DEFAULT_MEMORY_GB = 8.0
# The CUDA context and the libraries' kernels, which no tensor can use.
CONTEXT_GB = 0.75


def device_here() -> dict[str, Any]:
    """Memory that tensors can use on the first CUDA device, and mixed precision; else 8 GiB."""
    import torch

    from ricenet_v2.core.machine import GIB

    if not torch.cuda.is_available():
        return {"memory_gb": DEFAULT_MEMORY_GB, "precision": "float32"}
    whole = float(torch.cuda.get_device_properties(0).total_memory) / GIB
    # As in training, which is mixed only where the device computes in bfloat16 by itself.
    has_bfloat16 = torch.cuda.is_bf16_supported(including_emulation=False)
    return {
        "memory_gb": max(whole / 2, whole - CONTEXT_GB),
        "precision": "bfloat16" if has_bfloat16 else "float32",
    }
