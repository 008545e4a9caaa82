"""Bytes of tensors that are alive during a computation."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from ricenet_v2.network.meta_norm import outputs_of_norm


class LiveBytes(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts every storage from the operation that makes it until the last tensor on it dies.

    Works on the meta device, where nothing is allocated, and on real tensors alike.

    Attributes:
        now: Bytes alive.
        peak: Most bytes that were alive after any operation.
        largest: Most elements of a tensor that was made.
    """

    def __init__(self, known: Iterable[torch.Tensor]) -> None:
        """Start at 0; the storages of `known` tensors are never counted."""
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = self.largest = 0
        self._alive = {storage_key(tensor) for tensor in known}

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        """Run an operation and count what it made."""
        outputs = outputs_of_norm(func, args)
        if outputs is None:
            outputs = func(*args, **(kwargs or {}))
        for value in tree_leaves(outputs):
            if isinstance(value, torch.Tensor):
                self._count(value)
        self.peak = max(self.peak, self.now)
        return outputs

    def _count(self, tensor: torch.Tensor) -> None:
        key = storage_key(tensor)
        if key in self._alive:
            return
        self.largest = max(self.largest, tensor.numel())
        storage = tensor.untyped_storage()
        n_bytes = storage.nbytes()
        self._alive.add(key)
        self.now += n_bytes
        weakref.finalize(storage, self._gone, key, n_bytes)

    def _gone(self, key: int, n_bytes: int) -> None:
        self._alive.discard(key)
        self.now -= n_bytes


def storage_key(tensor: torch.Tensor) -> int:
    """Key that identifies a living storage, on any device."""
    return int(tensor.untyped_storage()._cdata)  # noqa: SLF001 - meta storages have no address
