"""Transfers between the host and the cards."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING, Any

import torch

from tests.pretended_cuda.ledger import place
from tests.pretended_cuda.tensor import DeviceTensor, inner_of

if TYPE_CHECKING:
    from tests.pretended_cuda.machine import PretendedCuda


class Copies:
    """The part of a pretended machine that moves tensors."""

    # ---- page-locked memory --------------------------------------------------------------------
    def mark_pinned(self: PretendedCuda, tensor: torch.Tensor) -> None:
        """Count the memory of a tensor of the host as page-locked."""
        storage = tensor.untyped_storage()
        self._pinned.add(storage._cdata)
        weakref.finalize(storage, self._pinned.discard, storage._cdata)

    def is_pinned(self: PretendedCuda, tensor: torch.Tensor) -> bool:
        """Whether the memory of a tensor of the host is page-locked."""
        return tensor.untyped_storage()._cdata in self._pinned

    def pin(self: PretendedCuda, tensor: torch.Tensor) -> torch.Tensor:
        """A copy in page-locked memory."""
        self.begin_context()
        if self.is_pinned(tensor):
            return tensor
        pinned = tensor.clone()
        self.mark_pinned(pinned)
        return pinned

    # ---- transfers -----------------------------------------------------------------------------
    def bring_up(
        self: PretendedCuda, func: Any, source: torch.Tensor, kwargs: Any, where: Any
    ) -> Any:
        """From the host to a card, as `_to_copy`."""
        non_blocking = bool(kwargs.pop("non_blocking", False))
        with self._below():
            values = func(source, **kwargs)
            values = values.clone() if values is source else values
        # Types are changed on the host, in memory that is not page-locked.
        waits = not (non_blocking and self.is_pinned(source) and values.dtype == source.dtype)
        result = self.wrapped(values, where)
        self.note("up", "to", where, values.nbytes, blocks=waits)
        if not waits:
            self.backlog.later_up(source, place())
        return result

    def bring_down(
        self: PretendedCuda, x: DeviceTensor, name: str, *, non_blocking: bool = False
    ) -> torch.Tensor:
        """From a card to the host."""
        self.fail_as_ordered()
        self.check_order([x])
        values = x.inner.detach().clone()
        self.note("down", name, x.where, values.nbytes, blocks=not non_blocking)
        if not non_blocking:
            return values
        target = torch.empty_like(values)
        self.mark_pinned(target)
        self.backlog.later_down(target, values)
        return target

    def bring_across(self: PretendedCuda, x: DeviceTensor, where: torch.device) -> DeviceTensor:
        """From one card to another."""
        values = x.inner.detach().clone()
        self.note("across", "to", x.where, values.nbytes, blocks=False)
        return self.wrapped(values, where)

    def copied(self: PretendedCuda, name: str, args: Any, kwargs: Any) -> bool:
        """Do `copy_` between two devices; False where all is on one."""
        non_blocking = bool(args[2] if len(args) > 2 else kwargs.get("non_blocking", False))
        targets, sources = (x if isinstance(x, (list, tuple)) else [x] for x in args[:2])
        pairs = list(zip(targets, sources, strict=True))
        if all(_where(target) == _where(source) for target, source in pairs):
            return False
        for target, source in pairs:
            self._copy(target, source, name, non_blocking=non_blocking)
        return True

    def _copy(
        self: PretendedCuda, target: Any, source: Any, name: str, *, non_blocking: bool
    ) -> None:
        here, there = _where(target), _where(source)
        if here.type == "cpu" and there.type != "cpu":
            goes_on = non_blocking and self.is_pinned(target) and target.dtype == source.dtype
            self.note("down", name, there, source.nbytes, blocks=not goes_on)
            if goes_on:
                self.backlog.later_down(target, source.inner.detach().clone())
                return
        elif here.type != "cpu" and there.type == "cpu":
            goes_on = non_blocking and self.is_pinned(source) and target.dtype == source.dtype
            if not (self._inside[1] and source.dim() == 0):
                self.note("up", name, here, target.nbytes, blocks=not goes_on)
            if goes_on:
                self.backlog.later_up(source, place())
        elif here != there:
            self.note("across", name, there, source.nbytes, blocks=False)
        with self._below():
            inner_of(target).copy_(inner_of(source))


def _where(x: torch.Tensor) -> torch.device:
    return x.where if isinstance(x, DeviceTensor) else torch.device("cpu")
