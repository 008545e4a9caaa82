"""Bytes that a training takes on the device and in main memory, computed from its plan."""

from __future__ import annotations

import math

from ricenet_v2.core.machine import GIB
from ricenet_v2.records.plan import Plan

PROCESS_BYTES = GIB
"""Main memory of a Python process with torch before any case."""
WORKER_BYTES = 128 * 1024**2
"""Main memory of a loading process before any case, apart from what it shares."""
CONTEXT_BYTES = 512 * 1024**2
"""Memory of a process on a CUDA device before any tensor."""
SHARE_OF_MEMORY = 0.8
"""Share of the free memory; the rest is left for what cannot be computed."""
_BATCHES_LOCKED = 3
"""Page-locked batches: one that is filled, one that is complete, one that is copied."""
_STATE_COPIES = 2
"""Copies of a state in main memory: the last finished epoch, and the one being written."""


def sample_bytes(plan: Plan) -> int:
    """A preprocessed case as the network sees it, float32."""
    return 4 * len(plan.channels) * math.prod(plan.input_size)


def stored_bytes(plan: Plan) -> int:
    """A preprocessed case in the number format of its file."""
    return sample_bytes(plan) // (2 if plan.storage_dtype == "float16" else 1)


def step_bytes(plan: Plan, batch_size: int | None = None) -> int:
    """Memory of the device that a training step takes, as the plan states it.

    Args:
        plan: Plan with its memory estimate.
        batch_size: The one that is trained with, where it may be another than the planned one:
            what grows with it is scaled.
    """
    stated = plan.memory
    grows = stated.activations + stated.inputs + stated.workspace
    batch = plan.training.batch_size if batch_size is None else batch_size
    return stated.total - grows + math.ceil(grows * batch / plan.training.batch_size)


def state_bytes(plan: Plan) -> int:
    """Main memory of the copies of the state that checkpoints are written from."""
    stated = plan.memory
    return _STATE_COPIES * (stated.parameters + stated.optimiser_state + stated.ema)


def worker_bytes(plan: Plan) -> int:
    """Main memory of a process that loads: its case, and what augmentation makes of it."""
    return WORKER_BYTES + 2 * sample_bytes(plan)


def locked_bytes(plan: Plan, batch_size: int) -> int:
    """Page-locked main memory of the batches on their way to a CUDA device."""
    return _BATCHES_LOCKED * batch_size * sample_bytes(plan)
