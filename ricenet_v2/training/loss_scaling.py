"""Scaled losses, which keep small gradients of float16 from becoming 0."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch

from ricenet_v2.core.errors import TrainingError
from ricenet_v2.records.plan_parts import Precision

_SMALLEST_SCALE = 2.0**-14


class LossScaling:
    """The scale of the losses, by torch's `GradScaler`; does nothing but in float16.

    An update whose gradients overflow is left out, and the scale is halved; after 2,000 updates
    without one it is doubled. Processes that share an update average its gradients before they
    look at them, so all leave out the same ones.
    """

    def __init__(self, device: torch.device, precision: Precision) -> None:
        """Begin with torch's first scale, 65,536.

        Args:
            device: Where the gradients are.
            precision: Precision of the forward passes.
        """
        self._scaler = torch.amp.GradScaler(device.type, enabled=precision == "float16")
        self._scale = self._scaler.get_scale()

    @property
    def is_used(self) -> bool:
        """Whether losses are scaled."""
        return self._scaler.is_enabled()

    def scaled(self, loss: torch.Tensor) -> torch.Tensor:
        """Scaled loss from which the backward pass starts."""
        scaled: torch.Tensor = self._scaler.scale(loss)
        return scaled

    def unscale(self, optimiser: torch.optim.Optimizer) -> None:
        """Divide the gradients by the scale; clipping comes after it."""
        self._scaler.unscale_(optimiser)

    def step(self, optimiser: torch.optim.Optimizer) -> bool:
        """Update the weights unless gradients are not finite; whether it was done.

        Raises:
            TrainingError: Gradients are not finite at any scale.
        """
        if not self.is_used:
            optimiser.step()
            return True
        self._scaler.step(optimiser)
        self._scaler.update()
        before, self._scale = self._scale, self._scaler.get_scale()
        if self._scale < _SMALLEST_SCALE:
            raise TrainingError(
                "The gradients are not finite, however small the loss is made.",
                expected="gradients within the range of float16",
                got=f"infinite or undefined ones with losses times {before:g}",
                remedy="Lower the learning rate (--set learning_rate=...) or switch off mixed "
                "precision (--set mixed_precision=false).",
            )
        return self._scale >= before

    def state(self) -> dict[str, Any]:
        """State for a checkpoint; empty where losses are not scaled."""
        return self._scaler.state_dict()

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the state of a checkpoint; that of a run in another precision has none."""
        if self.is_used and state:
            self._scaler.load_state_dict(dict(state))
            self._scale = self._scaler.get_scale()
