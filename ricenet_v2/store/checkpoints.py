"""Checkpoints: tensors and plain values only, so that reading one runs no code."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import torch
from torch.serialization import safe_globals

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import replacing, sha256_of_stream
from ricenet_v2.core.regular import fault_of_file, is_missing, not_readable, opened
from ricenet_v2.store import checksums
from ricenet_v2.store.fold_remedy import remedy_of

State = dict[str, Any]


def save(path: Path, state: State) -> None:
    """Write a checkpoint atomically, with its hash. `state` holds tensors and plain values."""
    with replacing(path) as temporary:
        torch.save(state, temporary)
        checksums.add_checksum(temporary)


def load(path: Path, device: str | torch.device = "cpu", what: str = "checkpoint") -> State:
    """Read a checkpoint of ours, or another file of a fold.

    Args:
        path: Path of the file.
        device: Where its tensors go.
        what: The file is called so where it cannot be read.

    Raises:
        CheckpointError: Missing, damaged, or holding more than tensors and plain values. Every
            changed bit is found but in files of older versions, which have no hash.
    """
    return _load(path, device, remedy_of(path), what)[0]


def load_hashed(path: Path, device: str | torch.device = "cpu") -> tuple[State, str]:
    """The same as `load`, with the SHA-256 of the bytes that were read."""
    return _load(path, device, remedy_of(path))


# Numpy 1 and numpy 2 pickle a scalar under these names; training logs of others hold such scalars.
_SCALAR: Callable[..., Any] = np.float64(0).__reduce__()[0]  # type: ignore[assignment]
_ALLOWED: list[Callable[..., Any] | tuple[Callable[..., Any], str]] = [
    np.dtype,
    *(type(np.dtype(code)) for code in "?bhilqBHILQefd"),
    (_SCALAR, "numpy.core.multiarray.scalar"),
    (_SCALAR, "numpy._core.multiarray.scalar"),
]
_REMEDY = """Copy it again. If it is whole and you trust its source, write its weights alone with
    import torch
    whole = torch.load({name!r}, weights_only=False)  # runs code of the file
    torch.save(whole.get("network_weights", whole.get("state_dict", whole)), "weights.pth")
  where the program that wrote it is installed, and give weights.pth."""


def load_foreign(path: Path) -> State:
    """Read a file of weights that another program wrote, to the CPU.

    Beside tensors and plain values it may hold numpy scalars, as nnU-Net's training log does. No
    code of the file is run: setup.py leaves out the versions of torch that had holes.

    Raises:
        CheckpointError: Missing, damaged, or holding other objects; the text has the way out.
    """
    with safe_globals(_ALLOWED):
        return _load(path, "cpu", _REMEDY.format(name=path.name))[0]


def _load(
    path: Path, device: str | torch.device, remedy: str, what: str = "checkpoint"
) -> tuple[State, str]:
    if is_missing(path):
        raise CheckpointError(f"There is no such {what}.", file=path)
    if fault := fault_of_file(path):
        raise not_readable(CheckpointError, f"This {what}", path, fault, f"Move it away. {remedy}")
    # Opened once: a training may put another file in its place meanwhile.
    with opened(path) as stream:
        return _read(stream, path, device, remedy, what), sha256_of_stream(stream)


def _read(
    stream: BinaryIO, path: Path, device: str | torch.device, remedy: str, what: str
) -> State:
    try:
        is_damaged = checksums.state_of(stream) == "damaged"
        stream.seek(0)
        state = {} if is_damaged else torch.load(stream, device, weights_only=True)
    except Exception as error:
        raise CheckpointError(
            f"This {what} cannot be read.",
            file=path,
            expected="a whole file of tensors and plain values",
            got=_reason(error),
            remedy=remedy,
        ) from error
    if is_damaged:
        raise CheckpointError(
            f"This {what} is damaged.",
            file=path,
            expected="the bytes that were written, whose SHA-256 stands at the end of the file",
            got="other bytes",
            remedy=remedy,
        )
    if not isinstance(state, dict):
        raise CheckpointError(
            f"A {what} is a dictionary.",
            file=path,
            got=f"a {type(state).__name__}",
            remedy=remedy,
        )
    return state


def described(state: State) -> str:
    """Kind of a file of weights, in words, by its content."""
    if "network_weights" in state:
        trainer = ascii(state.get("trainer_name", "trainer not named"))[:60]
        return f"a checkpoint of nnU-Net ({trainer})"
    if state and all(isinstance(value, torch.Tensor) for value in state.values()):
        return f"a bare state dict of {len(state)} tensors, {_keys(state)}"
    return f"a dictionary of {_keys(state)}"


def _keys(state: State) -> str:
    more = f" and {len(state) - 6} more" if len(state) > 6 else ""
    return (", ".join(ascii(key)[:60].strip("'") for key in list(state)[:6]) or "nothing") + more


def _reason(error: Exception) -> str:
    """Short form of torch's long text."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Unsupported" in line or "but got" in line]
    return ([*named, *lines] or [repr(error)])[0].partition(" Please use ")[0][:200]
