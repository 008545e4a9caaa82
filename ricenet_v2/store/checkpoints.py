"""Checkpoints: tensors and plain values only, so that reading one runs no code."""

from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import torch

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import replacing

State = dict[str, Any]


def save(path: Path, state: State) -> None:
    """Write a checkpoint atomically. `state` holds tensors and plain Python values."""
    with replacing(path) as temporary:
        torch.save(state, temporary)


def load(path: Path, device: str | torch.device = "cpu") -> State:
    """Read a checkpoint.

    Raises:
        CheckpointError: Missing, damaged, or holding more than tensors and plain values.
    """
    if not path.is_file():
        raise CheckpointError("There is no such checkpoint.", file=path)
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError, ValueError, KeyError) as error:
        raise CheckpointError(
            "This checkpoint cannot be read.",
            file=path,
            expected="a whole file of tensors and plain values",
            got=str(error).strip().splitlines()[0][:200] if str(error).strip() else repr(error),
            remedy="Copy it again, or train the fold again.",
        ) from error
    if not isinstance(state, dict):
        raise CheckpointError("A checkpoint is a dictionary.", file=path, got=type(state).__name__)
    return state
