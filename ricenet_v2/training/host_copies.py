"""Copies of a training's state in main memory, made again and again in the same memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

_Layout = tuple[torch.Size, tuple[int, ...], torch.dtype]
_Buffers = dict[_Layout, list[torch.Tensor]]


@dataclass(frozen=True)
class HostCopy:
    """A state whose tensors lie in main memory.

    Attributes:
        state: State at the time of the copy; tensors that shared their memory do so here.
        tensors: The memory, each tensor once.
    """

    state: dict[str, Any]
    tensors: tuple[torch.Tensor, ...]


class HostCopies:
    """Makes copies; memory that was given back is used again, of equally laid out tensors.

    What is copied from a CUDA device goes into page-locked memory, all of it before it is waited
    for once.
    """

    def __init__(self) -> None:
        """Nothing copied yet."""
        self._free: _Buffers = {}

    def of(self, state: Mapping[str, Any]) -> HostCopy:
        """Copy a state: dictionaries, lists and tuples of tensors and plain values."""
        copied: dict[Any, torch.Tensor] = {}
        tree = {key: self._copied(value, copied) for key, value in state.items()}
        for device in {tensor.device for tensor in _tensors(state)}:
            if device.type == "cuda":
                torch.cuda.synchronize(device)
        return HostCopy(tree, tuple(copied.values()))

    def give_back(self, copy: HostCopy) -> None:
        """Nobody reads the copy any more."""
        for tensor in copy.tensors:
            self._free.setdefault(_layout(tensor), []).append(tensor)

    def _copied(self, value: Any, copied: dict[Any, torch.Tensor]) -> Any:
        if isinstance(value, torch.Tensor):
            # Two names of one memory are copied once, so that a file holds it once.
            key = (value.data_ptr() if value.numel() else id(value), *_layout(value))
            if key not in copied:
                copied[key] = self._buffer(value)
                copied[key].copy_(value.detach(), non_blocking=value.device.type == "cuda")
            return copied[key]
        if isinstance(value, Mapping):
            return {key: self._copied(each, copied) for key, each in value.items()}
        if isinstance(value, (list, tuple)):
            return type(value)(self._copied(each, copied) for each in value)
        return value

    def _buffer(self, like: torch.Tensor) -> torch.Tensor:
        free = self._free.get(_layout(like))
        if free:
            return free.pop()
        buffer = torch.empty_strided(like.shape, like.stride(), dtype=like.dtype)
        return buffer.pin_memory() if like.device.type == "cuda" else buffer


def _layout(tensor: torch.Tensor) -> _Layout:
    return tensor.shape, tensor.stride(), tensor.dtype


def _tensors(value: Any) -> list[torch.Tensor]:
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, (list, tuple)):
        return [tensor for each in value for tensor in _tensors(each)]
    return []
