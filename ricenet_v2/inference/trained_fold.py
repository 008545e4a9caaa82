"""The checkpoint of a trained fold, and its network; refuses one that cannot predict."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.listing import first_of
from ricenet_v2.network.build import Classifier, build_network
from ricenet_v2.records.plan import Plan
from ricenet_v2.store import checkpoints
from ricenet_v2.store.fold_remedy import remedy_of

WEIGHTS = "inference_weights"
_SHOWN = 4


def read_fold(path: Path, fold: int) -> tuple[checkpoints.State, str]:
    """Read the checkpoint that a prediction needs, onto the CPU.

    Args:
        path: Path of the checkpoint.
        fold: Its number.

    Returns:
        What it holds, and the SHA-256 of its bytes.

    Raises:
        CheckpointError: Missing, damaged, of another program, or without a part; its weights are
            not all finite.
    """
    state, digest = checkpoints.load_hashed(path)
    if not _can_predict(state):
        raise _refused(
            f"The checkpoint of fold {fold} cannot predict.",
            path,
            fold,
            expected=f"{WEIGHTS}, plan and dataset, as ricenet_train writes them",
            got=checkpoints.described(state),
            remedy="Weights of other programs are not a fold; ricenet_train "
            "--pretrained_weights loads them.",
        )
    wild = [name for name, value in state[WEIGHTS].items() if not bool(value.isfinite().all())]
    if wild:
        raise _refused(
            f"The weights of fold {fold} are not all finite: its training diverged.",
            path,
            fold,
            expected="finite numbers",
            got=f"infinite or undefined values in {first_of(wild, _SHOWN, '; ')}",
        )
    return state, digest


def network_of(
    state: checkpoints.State, plan: Plan, path: Path, fold: int, device: torch.device
) -> Classifier:
    """The network of a fold, in evaluation mode, moved to the device as a whole.

    Raises:
        CheckpointError: The weights are those of another network than the plan's.
    """
    network = build_network(plan.network, len(plan.channels), len(plan.classes))
    weights = state[WEIGHTS]
    try:
        network.load_state_dict(weights)
    except Exception as error:
        here, there = _shapes(network.state_dict()), _shapes(weights)
        named = [
            f"{name}: {there.get(name, 'none')} instead of {here.get(name, 'none')}"
            for name in dict.fromkeys((*here, *there))
            if here.get(name) != there.get(name)
        ]
        raise _refused(
            f"The weights of fold {fold} are not those of the network in its plan.",
            path,
            fold,
            expected=f"the {len(here)} tensors of that network, by name and shape",
            got=f"{len(there)} tensors; {first_of(named, _SHOWN, '; ') if named else error}",
        ) from error
    return network.to(device).eval()


def _shapes(weights: Mapping[str, torch.Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(value.shape) for name, value in weights.items()}


def _can_predict(state: Mapping[str, Any]) -> bool:
    weights = state.get(WEIGHTS)
    if not isinstance(weights, Mapping) or not weights:
        return False
    named = all(isinstance(name, str) for name in weights)
    are_tensors = all(isinstance(value, torch.Tensor) for value in weights.values())
    return named and are_tensors and all(isinstance(state.get(n), str) for n in ("plan", "dataset"))


def _refused(
    what: str, path: Path, fold: int, *, expected: str, got: str, remedy: str = ""
) -> CheckpointError:
    way_out = f"{remedy_of(path)} Or leave fold {fold} out by naming the other folds with -f."
    return CheckpointError(
        what, file=path, expected=expected, got=got, remedy=f"{remedy} {way_out}".strip()
    )
