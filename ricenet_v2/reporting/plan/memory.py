"""The bill of memory: parts of one training step against the budget."""

from __future__ import annotations

from dataclasses import dataclass

from ricenet_v2.core.machine import GIB
from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.formatting import count, data, share


@dataclass(frozen=True)
class MemoryItem:
    """One part of the bill; `width` in percent of the sum, `colour` the name of its tint."""

    name: str
    colour: str
    amount: str
    share: str
    why: str
    width: float


@dataclass(frozen=True)
class Bill:
    """All parts, their sum, and what is left of the budget, or by how much it is exceeded.

    `used` is the sum in percent of the budget, at most 100.
    """

    items: tuple[MemoryItem, ...]
    total: str
    total_share: str
    budget: str
    left: str
    left_share: str
    is_exceeded: bool
    used: float


def bill(plan: Plan) -> Bill:
    """The memory of one training step, largest group first."""
    memory, batch = plan.memory, plan.training.batch_size
    budget = plan.memory_budget_gb * GIB
    weights = f"{count(memory.n_parameters)} numbers of 4 bytes"
    listed = (
        ("activations", "a1", memory.activations, f"kept for the backward pass of {batch} samples"),
        (
            "workspace",
            "a2",
            memory.workspace,
            "what its peak takes beyond the rest, for convolutions and the allocator",
        ),
        ("inputs", "b1", memory.inputs, "the current batch and the next one"),
        ("weights", "c1", memory.parameters, weights),
        ("gradients", "c2", memory.gradients, "one for each weight"),
        ("optimiser state", "c3", memory.optimiser_state, "two moments for each weight"),
        ("averaged weights", "c4", memory.ema, "their moving average"),
    )
    items = tuple(
        MemoryItem(
            name, colour, data(size), share(size / budget), why, round(100 * size / memory.total, 3)
        )
        for name, colour, size, why in listed
    )
    left = budget - memory.total
    return Bill(
        items=items,
        total=data(memory.total),
        total_share=share(memory.total / budget),
        budget=data(budget),
        left=data(abs(left)),
        left_share=share(abs(left) / budget),
        is_exceeded=left < 0,
        used=round(min(100.0, 100 * memory.total / budget), 3),
    )
