"""The smallest valid plan, for benchmarks and tests that need a few of its fields."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from ricenet_v2.core import documents
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import (
    ChannelPlan,
    MemoryEstimate,
    NetworkPlan,
    Normalisation,
    TrainingPlan,
)

_ONE = (1.0, 1.0, 1.0)
_PLAN = Plan(
    name="auto",
    preset="auto",
    dataset="Dataset001_Small",
    fingerprint="",
    classes=("a", "b"),
    channels=(ChannelPlan("mri", "mri", "linear", Normalisation("none")),),
    spacing=_ONE,
    input_size=(8, 8, 8),
    margin=(0, 0, 0),
    storage_dtype="float32",
    network=NetworkPlan(
        "residual_encoder", (4,), (1,), ((3, 3, 3),), ((1, 1, 1),), "instance", 0.0, ""
    ),
    training=TrainingPlan(2, 1, 1, 1),
    memory=MemoryEstimate(0, 0, 0, 0, 0, 0, 0, 0, 0),
    memory_budget_gb=1.0,
    spacing_range=(_ONE, _ONE),
    dose_range={},
    decisions=(),
)


def small_plan(**changes: Any) -> Plan:
    """A plan of one channel, one stage and one update.

    Args:
        changes: Fields that are to be others; a new `spacing` is that of the training cases too.
    """
    if "spacing" in changes:
        changes = {"spacing_range": (changes["spacing"],) * 2} | changes
    return dataclasses.replace(_PLAN, **changes)


def narrow(path: Path) -> None:
    """Give the stages of a stored plan's network 2, 4, 8 ... features, so that it trains sooner."""
    plan = documents.read(Plan, path)
    features = tuple(2 << stage for stage in range(len(plan.network.features)))
    network = dataclasses.replace(plan.network, features=features)
    documents.write(path, dataclasses.replace(plan, network=network))
