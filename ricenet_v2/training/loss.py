"""The loss, with soft targets throughout."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch.nn import functional


def class_weights(labels: Iterable[str], classes: Sequence[str]) -> tuple[float, ...]:
    """One over the size of each class, scaled so that the mean over the cases is 1.

    Args:
        labels: Class of each training case.
        classes: Names in the order of the indices; a class without cases gets 0.
    """
    case_labels = list(labels)
    counts = [case_labels.count(name) for name in classes]
    present = sum(count > 0 for count in counts)
    return tuple(len(case_labels) / (present * count) if count else 0.0 for count in counts)


def mean_loss(
    logits: torch.Tensor,
    targets: torch.Tensor,
    label_smoothing: float,
    weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Cross-entropy, averaged over the samples.

    The mean is over the number of samples, not over the sum of weights as in torch: so the
    gradients of several small batches add up to those of the large one.

    Args:
        logits: (B, classes).
        targets: Probabilities (B, classes).
        label_smoothing: Share of the target given to all classes.
        weights: Weight of each class; a sample of mixed classes has the mixed weight.
    """
    each = functional.cross_entropy(
        logits, targets, label_smoothing=label_smoothing, reduction="none"
    )
    return each.mean() if weights is None else (each * (targets @ weights)).mean()
