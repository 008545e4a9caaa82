"""Checkpoints: tensors and plain values only, so that reading one runs no code."""

from __future__ import annotations

import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.serialization import safe_globals

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import replacing
from ricenet_v2.store import checksums

State = dict[str, Any]

# What torch.load raises for a file with wrong, or too few, bytes.
_DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
    pickle.UnpicklingError,
    struct.error,
)


def save(path: Path, state: State) -> None:
    """Write a checkpoint atomically, with its hash. `state` holds tensors and plain values."""
    with replacing(path) as temporary:
        torch.save(state, temporary)
        checksums.add_checksum(temporary)


def load(path: Path, device: str | torch.device = "cpu") -> State:
    """Read a checkpoint of ours.

    Raises:
        CheckpointError: Missing, damaged, or holding more than tensors and plain values. Every
            changed bit is found but in files of older versions, which have no hash.
    """
    return _load(path, device, "Copy it again, or train the fold again.")


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
        return _load(path, "cpu", _REMEDY.format(name=path.name))


def _load(path: Path, device: str | torch.device, remedy: str) -> State:
    if not path.is_file():
        raise CheckpointError("There is no such checkpoint.", file=path)
    try:
        # Opened once: what is compared is what is read, even if another file takes its place.
        with path.open("rb") as stream:
            is_damaged = checksums.state_of(stream) == "damaged"
            stream.seek(0)
            state = {} if is_damaged else torch.load(stream, device, weights_only=True)
    except _DAMAGE as error:
        raise CheckpointError(
            "This checkpoint cannot be read.",
            file=path,
            expected="a whole file of tensors and plain values",
            got=_reason(error),
            remedy=remedy,
        ) from error
    if is_damaged:
        raise CheckpointError(
            "This checkpoint is damaged.",
            file=path,
            expected="the bytes that were written, whose SHA-256 stands at the end of the file",
            got="other bytes",
            remedy=remedy,
        )
    if not isinstance(state, dict):
        raise CheckpointError("A checkpoint is a dictionary.", file=path, got=type(state).__name__)
    return state


def _reason(error: Exception) -> str:
    """What torch's long text comes down to."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    named = [line for line in lines if "Unsupported" in line or "but got" in line]
    return ([*named, *lines] or [repr(error)])[0].partition(" Please use ")[0][:200]
