"""Whether CUDA may round the factors of float32 products to TF32, which has 10 bits instead of 23.

torch has two sets of switches: `allow_tf32` and `float32_matmul_precision`, which are older, and
`fp32_precision` of each operation, which decides. Where both disagree, reading the older ones is an
error of torch; so the older ones are changed only where they can be read, and put back first.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Literal

import torch

Convolutions = Literal["float32", "tf32", "as set"]
_MATMUL = "matmul"


def _operations() -> dict[str, Any]:
    """Modules that have `fp32_precision`, by name of the operation."""
    cudnn: Any = torch.backends.cudnn
    return {_MATMUL: torch.backends.cuda.matmul, "conv": cudnn.conv, "rnn": cudnn.rnn}


@dataclass(frozen=True)
class _Switches:
    """The settings of torch; older ones are None where they contradict the newer ones."""

    matmul: str | None
    convolutions: bool | None
    operations: dict[str, str]

    @classmethod
    def now(cls) -> _Switches:
        newer = {name: str(each.fp32_precision) for name, each in _operations().items()}
        return cls(_matmul_precision(), _allows_convolutions(), newer)

    def put_back(self) -> None:
        if self.matmul is not None:
            torch.set_float32_matmul_precision(self.matmul)
        if self.convolutions is not None:
            torch.backends.cudnn.allow_tf32 = self.convolutions
        for name, operation in _operations().items():
            # What an operation inherits reads as if it were its own.
            operation.fp32_precision = "none"
            if operation.fp32_precision != self.operations[name]:
                operation.fp32_precision = self.operations[name]


def _matmul_precision() -> str | None:
    try:
        # Both are read, since each looks for another contradiction.
        return torch.get_float32_matmul_precision() if _matmul_is_consistent() else None
    except RuntimeError:
        return None


def _matmul_is_consistent() -> bool:
    return isinstance(torch.backends.cuda.matmul.allow_tf32, bool)


def _allows_convolutions() -> bool | None:
    try:
        return bool(torch.backends.cudnn.allow_tf32)
    except RuntimeError:
        return None


@dataclass
class _Active:
    """The blocks at work in all threads, and the settings before the first of them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    wanted: list[Convolutions] = field(default_factory=list)
    before: _Switches | None = None

    def enter(self, convolutions: Convolutions) -> None:
        with self.lock:
            if self.before is None:
                self.before = _Switches.now()
            self.wanted.append(convolutions)
            self._apply(self.before)

    def leave(self, convolutions: Convolutions) -> None:
        with self.lock:
            self.wanted.remove(convolutions)
            assert self.before is not None
            self.before.put_back()
            if self.wanted:
                self._apply(self.before)
            else:
                self.before = None

    def _apply(self, before: _Switches) -> None:
        operations = _operations()
        if before.matmul is not None:
            torch.set_float32_matmul_precision("highest")
        operations[_MATMUL].fp32_precision = "ieee"
        chosen = next((each for each in ("float32", "tf32") if each in self.wanted), None)
        if chosen is None:
            return
        if before.convolutions is not None:
            torch.backends.cudnn.allow_tf32 = chosen == "tf32"
        for name in ("conv", "rnn"):
            operations[name].fp32_precision = "tf32" if chosen == "tf32" else "ieee"


_ACTIVE = _Active()


@contextmanager
def float32(convolutions: Convolutions = "float32") -> Iterator[None]:
    """Float32 products without TF32 inside the block; the caller's settings come back behind it.

    Matrix products are never TF32 in the block. Where blocks of several threads overlap, `float32`
    goes before `tf32`, and that before `as set`. It can decorate a function, too.

    Args:
        convolutions: `float32`, `tf32` as torch has it by default, or `as set` by the caller.
    """
    _ACTIVE.enter(convolutions)
    try:
        yield
    finally:
        _ACTIVE.leave(convolutions)
