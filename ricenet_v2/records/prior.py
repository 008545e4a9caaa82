"""Class frequencies: of the training cases, and as a network was shown them."""

from __future__ import annotations

import math
from typing import Literal

from ricenet_v2.core.documents import record

Decide = Literal["balanced", "probable"]
"""Choice of the class `predicted`: that of the largest probability in relation to its prior, which
is the most probable one if all classes were equally frequent; or the most probable one as it is."""


@record
class Prior:
    """Class shares of a training, in the order of the classes.

    Attributes:
        trained: Class shares that the network learned and on which its outputs are based: equal
            ones if the sampler or the loss balances the classes, else those of the training cases;
            0 for a class without training cases.
        counts: Training cases of each class in the dataset: those of all folds, so that all
            networks of a model are corrected for the same shares.
    """

    trained: tuple[float, ...]
    counts: tuple[int, ...]

    @property
    def shares(self) -> tuple[float, ...]:
        """Share of each class among the training cases."""
        return tuple(count / sum(self.counts) for count in self.counts)


@record
class MemberPrior:
    """The prior of the network of one fold."""

    fold: int
    prior: Prior


@record
class Recalibration:
    """Calibration of ricenet_calibrate: logits are multiplied by a slope, then offsets are added.

    Attributes:
        slope: One over the temperature; 1 changes nothing.
        offsets: Offsets of each class, in the order of the classes; empty for none.
    """

    slope: float
    offsets: tuple[float, ...] = ()

    @property
    def shares(self) -> tuple[float, ...]:
        """Class shares that the offsets stand for; empty where there are none.

        A class is predicted as before the calibration where probabilities are divided by them.
        """
        weights = [math.exp(value) for value in self.offsets]
        return tuple(weight / sum(weights) for weight in weights)

    @property
    def description(self) -> str:
        """Description, with its numbers."""
        if self.offsets:
            added = ", ".join(f"{value:+.3f}" for value in self.offsets)
            return f"slope {self.slope:.3f} and offsets {added}"
        return f"temperature {1 / self.slope:.3f}"
