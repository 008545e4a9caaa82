"""Products of matrices and convolutions: which they are, and what TF32 makes of them."""

from __future__ import annotations

from typing import Any

import torch

from tests.pretended_cuda.values import mapped, tensors_of

_PRODUCTS = {"mm", "bmm", "addmm", "baddbmm", "addmv", "mv", "dot", "linear", "_addmm_activation"}


def is_product(name: str) -> bool:
    """Whether an operation of torch is computed by tensor cores."""
    return name in _PRODUCTS or "convolution" in name


def _allows_tf32(name: str) -> bool:
    operation = "conv" if "convolution" in name else "matmul"
    return torch._C._get_fp32_precision_getter("cuda", operation) == "tf32"


def rounded(name: str, args: Any, *, emulate: bool) -> Any:
    """The arguments of a product of float32 as TF32 takes them; None where it stays float32."""
    if tensors_of(args)[0].dtype != torch.float32 or not _allows_tf32(name):
        return None
    return mapped(torch.Tensor, _short, args) if emulate else args


def _short(values: torch.Tensor) -> torch.Tensor:
    """Ten bits of mantissa, rounded to nearest."""
    if values.dtype != torch.float32 or values.dim() < 2:
        return values
    bits = values.detach().contiguous().view(torch.int32)
    return ((bits + 0x1000) & ~0x1FFF).view(torch.float32)
