"""The exponential moving average of the weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn
from torch.optim.swa_utils import get_ema_multi_avg_fn


@dataclass(frozen=True)
class _Pairs:
    averages: list[torch.Tensor]
    values: list[torch.Tensor]


class Ema:
    """Exponential moving average of all floating weights and buffers.

    The network must keep its tensors: they may be changed in place, but not replaced.

    Attributes:
        decay: Decay of each update.
        updates: Number of updates.
        weights: Weights as named in a state of the network; two names of one tensor share its
            average, so that a checkpoint holds it once.
    """

    def __init__(self, network: nn.Module, decay: float) -> None:
        """Start from the network's weights; a decay of 0 follows the network."""
        self.decay, self.updates = decay, 0
        # A network may name a layer twice: averages are made once, and shared by both names.
        named = network.state_dict(keep_vars=True)
        followed = {id(value): value for value in named.values()}
        copies = {key: value.detach().clone() for key, value in followed.items()}
        self.weights = {name: copies[id(value)] for name, value in named.items()}
        self._floating, self._counting = _Pairs([], []), _Pairs([], [])
        for key, value in followed.items():
            pairs = self._floating if value.dtype.is_floating_point else self._counting
            pairs.averages.append(copies[key])
            pairs.values.append(value.detach())

    @torch.no_grad()
    def update(self) -> None:
        """Move towards the network; early updates move further, so that the start is forgotten."""
        self.updates += 1
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        decay = decay if self.decay > 0 else 0.0
        move = get_ema_multi_avg_fn(decay)  # type: ignore[no-untyped-call]
        move(self._floating.averages, self._floating.values, self.updates)
        for average, value in zip(self._counting.averages, self._counting.values, strict=True):
            average.copy_(value)

    def state(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"updates": self.updates, "weights": self.weights}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.updates = int(state["updates"])
        for name, value in state["weights"].items():
            self.weights[name].copy_(value)
