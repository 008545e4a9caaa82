"""The best epoch of a fold, by a moving average of the validation metric."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


class BestEpoch:
    """The best epoch by a moving average of the validation metric."""

    MOMENTUM = 0.9

    def __init__(self) -> None:
        """Nothing seen yet."""
        self.average: float | None = None
        self.best: float | None = None
        self.best_epoch: int | None = None

    def update(self, epoch: int, value: float) -> bool:
        """Add the metric of an epoch; whether the average is now the best."""
        if self.average is None:
            self.average = value
        else:
            self.average = self.MOMENTUM * self.average + (1 - self.MOMENTUM) * value
        if self.best is None or self.average > self.best:
            self.best, self.best_epoch = self.average, epoch
            return True
        return False

    def state(self) -> dict[str, Any]:
        """State for a checkpoint."""
        return {"average": self.average, "best": self.best, "best_epoch": self.best_epoch}

    def load(self, state: Mapping[str, Any]) -> None:
        """Restore the state of a checkpoint."""
        self.average, self.best = state["average"], state["best"]
        self.best_epoch = state["best_epoch"]
