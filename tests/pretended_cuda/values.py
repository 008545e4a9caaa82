"""Going through the arguments of operations: lists and tuples, nothing deeper."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch


def leaves_of(args: tuple[Any, ...], kwargs: dict[str, Any]) -> list[Any]:
    """All arguments, those in lists one by one."""
    leaves: list[Any] = []
    for value in (*args, *kwargs.values()):
        if isinstance(value, (list, tuple)):
            leaves += leaves_of(tuple(value), {})
        else:
            leaves.append(value)
    return leaves


def tensors_of(value: Any) -> list[torch.Tensor]:
    """The tensors of a result or of arguments."""
    return [x for x in leaves_of((value,), {}) if isinstance(x, torch.Tensor)]


def mapped(kind: type, change: Callable[[Any], Any], value: Any) -> Any:
    """The value with everything of a kind changed."""
    if isinstance(value, kind):
        return change(value)
    if isinstance(value, (list, tuple)):
        return type(value)([mapped(kind, change, x) for x in value])
    return value
