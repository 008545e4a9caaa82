"""Each member of an ensemble is a distinct network, and that of the fold that its folder names."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from pathlib import Path

import torch

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.store.checkpoints import State


def check_distinct(states: Mapping[int, State], folder: Path) -> None:
    """Refuse folds that are copies of each other, or lie in the folder of another fold.

    Args:
        states: Checkpoint of each fold, by the number of its folder.
        folder: Folder of the model, for the message.

    Raises:
        CheckpointError: A network would count twice, or has the number of another fold.
    """
    copies = [
        f"folds {first} and {second} have the same weights"
        for first, second in combinations(states, 2)
        if _are_same(states[first], states[second])
    ]
    misplaced = [
        f"fold_{fold} holds a checkpoint of fold {state['fold']}"
        for fold, state in states.items()
        if state.get("fold", fold) != fold
    ]
    if copies or misplaced:
        raise CheckpointError(
            "Some folds of this model are not distinct networks.",
            file=folder,
            expected="in each folder fold_<k> the network that was trained as fold k",
            got="; ".join([*copies, *misplaced]),
            remedy="Move the folders of the copies away, or specify the other folds with -f.",
        )


def _are_same(first: State, second: State) -> bool:
    weights, other_weights = first["inference_weights"], second["inference_weights"]
    return weights.keys() == other_weights.keys() and all(
        torch.equal(value, other_weights[name]) for name, value in weights.items()
    )
