"""Mixed precision on tensors without data: the casts that torch's autocast would make."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import torch
from torch.nn import functional
from torch.overrides import TorchFunctionMode

Backend = Literal["cuda", "cpu"]
_HALF = torch.bfloat16
_CASTS: dict[Backend, dict[Callable[..., Any], torch.dtype]] = {
    "cuda": {functional.conv3d: _HALF, functional.linear: _HALF},
    # The CPU's list also pools in float32, so that whatever is added to a pooled map becomes
    # float32 as well: on a CPU the shortcuts of the residual encoder stay at full width.
    "cpu": {
        functional.conv3d: _HALF,
        functional.linear: _HALF,
        functional.avg_pool3d: torch.float32,
        functional.max_pool3d: torch.float32,
    },
}


class MixedPrecision(TorchFunctionMode):
    """Casts the inputs of a few functions as `torch.autocast(backend, torch.bfloat16)` does.

    Autocast itself looks at the device of the tensors and leaves those on the meta device alone.
    Only the functions that the networks of this package call are known here; which ones autocast
    changes stands in torch's documentation, "CUDA ops that can autocast to float16" and the lists
    beside it. Casts of weights are made once per use, and each weight is used once per step, so
    they are the same copies that autocast's weight cache holds.
    """

    def __init__(self, backend: Backend) -> None:
        """Cast by the list of `backend`."""
        super().__init__()
        self._casts = _CASTS[backend]

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Call `func` with its floating tensors cast, where it is one of those that are cast."""
        named = dict(kwargs or {})
        dtype = self._casts.get(func)
        if dtype is None:
            return func(*args, **named)
        return func(
            *(_cast(value, dtype) for value in args),
            **{name: _cast(value, dtype) for name, value in named.items()},
        )


def _cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, torch.Tensor) and value.is_floating_point():
        return value.to(dtype)
    return value
