"""Batch size, gradient accumulation and the norm that suits the batch."""

from __future__ import annotations

from collections.abc import Callable

from ricenet_v2.records.plan import Decision, Norm

SMALLEST_BATCH = 2
EFFECTIVE_BATCH = 8
BATCH_NORM_FROM = 8


def choose_batch(fits: Callable[[int], bool], n_train: int) -> tuple[int, Decision]:
    """The largest power of two that fits, at least 2, at most an eighth of the training cases.

    Args:
        fits: Whether a batch fits the memory.
        n_train: Training cases of the dataset (all folds).
    """
    ceiling = max(SMALLEST_BATCH, n_train // 8)
    batch = SMALLEST_BATCH
    while batch * 2 <= ceiling and fits(batch * 2):
        batch *= 2
    limit = "an eighth of the training cases" if batch * 2 > ceiling else "the memory"
    reason = (
        f"largest power of two that fits the memory, at least {SMALLEST_BATCH}, at most an eighth "
        f"of {n_train} training cases; {limit} allows no more"
    )
    return batch, Decision(what="batch size", value=str(batch), reason=reason)


def accumulation_steps(batch: int, n_train: int) -> int:
    """Steps per update that reach 8 cases, or an eighth of a small cohort."""
    effective = min(EFFECTIVE_BATCH, max(SMALLEST_BATCH, n_train // 8))
    return max(1, effective // batch)


def norm_for(batch: int) -> Norm:
    """Instance norm below 8 samples per device, else batch norm."""
    return "batch" if batch >= BATCH_NORM_FROM else "instance"


def why_norm(norm: Norm, batch: int) -> Decision:
    """The reason of the `auto` preset's norm."""
    reason = f"batch of {batch} per device; below {BATCH_NORM_FROM} its statistics are too noisy"
    return Decision(what="norm", value=norm, reason=reason)
