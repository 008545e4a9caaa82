"""Batch size, gradient accumulation and the norm that suits the batch."""

from __future__ import annotations

from ricenet_v2.records.plan_parts import Norm

SMALLEST_BATCH = 2
EFFECTIVE_BATCH = 8
BATCH_NORM_FROM = 8
CASES_PER_SAMPLE = 8
# Larger batches leave a cohort of this kind few updates an epoch, and gain nothing for it.
LARGEST_BATCH = 32


def largest_batch(n_train: int) -> int:
    """The largest power of two that is at most an eighth of the training cases; from 2 to 32."""
    batch = SMALLEST_BATCH
    while batch < LARGEST_BATCH and batch * 2 * CASES_PER_SAMPLE <= n_train:
        batch *= 2
    return batch


def batches(n_train: int) -> tuple[int, ...]:
    """The batches that may be tried, largest first: powers of two down to 2."""
    powers = [largest_batch(n_train)]
    while powers[-1] > SMALLEST_BATCH:
        powers.append(powers[-1] // 2)
    return tuple(powers)


def accumulation_steps(batch: int, n_train: int) -> int:
    """Steps per update that reach 8 cases, or an eighth of a small cohort."""
    effective = min(EFFECTIVE_BATCH, max(SMALLEST_BATCH, n_train // CASES_PER_SAMPLE))
    return max(1, effective // batch)


def norm_for(batch: int) -> Norm:
    """Instance norm below 8 samples per device, else batch norm."""
    return "batch" if batch >= BATCH_NORM_FROM else "instance"
