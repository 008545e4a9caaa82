"""Output of a network for one class, in one number."""

from __future__ import annotations

import torch

from ricenet_v2.core.errors import PlanError


def log_odds(logits: torch.Tensor, target: int) -> torch.Tensor:
    """The logit of a class: log of its probability over that of all others, (B,) float64.

    It is on the CPU, since Apple's GPUs have no float64; gradients pass. For two classes it is the
    difference of their two logits. It does not change when the same number is added to the logits
    of all classes, as the probabilities do not.

    Args:
        logits: (B, classes).
        target: Index of the class.

    Raises:
        PlanError: There is no such class.
    """
    n_classes = logits.shape[1]
    if not 0 <= target < n_classes:
        raise PlanError(
            "There is no such class to explain.",
            expected=f"an index from 0 to {n_classes - 1}",
            got=target,
        )
    values = logits.cpu().double()
    others = [index for index in range(n_classes) if index != target]
    return values[:, target] - torch.logsumexp(values[:, others], dim=1)
