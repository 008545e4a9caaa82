"""Decisions of the user in place of the rules."""

from __future__ import annotations

import math
from dataclasses import dataclass

from ricenet_v2.core.errors import PlanError
from ricenet_v2.core.types import Shape
from ricenet_v2.records.plan_parts import Triple


@dataclass(frozen=True)
class Overrides:
    """Values that override a rule; None leaves it to the rule.

    Attributes:
        spacing: mm along (z, y, x).
        input_size: Voxels along (z, y, x).
        batch_size: Samples per step.
        epochs: Epochs of a training.
    """

    spacing: Triple | None = None
    input_size: Shape | None = None
    batch_size: int | None = None
    epochs: int | None = None

    @property
    def fix_the_input(self) -> bool:
        """Whether spacing or input size is given, so that nothing may be coarsened."""
        return self.spacing is not None or self.input_size is not None

    def check(self, memory_gb: float) -> None:
        """Refuse anything but numbers above 0.

        Raises:
            PlanError: The text names the option.
        """
        numbers = {
            "--gpu_memory_gb": (memory_gb,),
            "--spacing": self.spacing or (),
            "--input_size": self.input_size or (),
            "--batch_size": () if self.batch_size is None else (self.batch_size,),
            "--epochs": () if self.epochs is None else (self.epochs,),
        }
        for name, values in numbers.items():
            if not all(math.isfinite(value) and value > 0 for value in values):
                raise PlanError(
                    f"Invalid value for {name}.", expected="numbers above 0", got=values
                )
