"""Layouts that a planner considered and that were too large for the memory."""

from __future__ import annotations

from ricenet_v2.records.plan import Plan
from ricenet_v2.reporting.plan.page import PlanTable

_COLUMNS = ("spacing (mm)", "input size", "network", "batch", "why not")


def alternatives_of(plan: Plan) -> PlanTable:
    """The larger variants of a plan and why they were not taken; without rows where none were."""
    rows = tuple(
        (
            " x ".join(f"{value:.3g}" for value in alternative.spacing),
            " x ".join(str(n) for n in alternative.input_size),
            alternative.network,
            str(alternative.batch_size),
            alternative.reason,
        )
        for alternative in plan.alternatives
    )
    return PlanTable(_COLUMNS, rows)
