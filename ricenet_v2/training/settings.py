"""The plan as one run uses it: chosen channels, settings changed by the user."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import Plan, TrainingPlan


def with_channels(plan: Plan, names: Sequence[str] | None) -> Plan:
    """The plan restricted to the named channels, in the order of the plan.

    Raises:
        PlanError: A name is not a channel of the plan.
    """
    if names is None:
        return plan
    there = [channel.name for channel in plan.channels]
    unknown = [name for name in names if name not in there]
    if unknown or not names:
        raise PlanError(
            "These channels are not in the plan.", expected=", ".join(there), got=", ".join(unknown)
        )
    chosen = tuple(channel for channel in plan.channels if channel.name in names)
    return dataclasses.replace(plan, channels=chosen)


def channels_label(plan: Plan, names: Sequence[str] | None) -> str:
    """`all`, or the names joined with `+` in the order of the plan."""
    chosen = [channel.name for channel in with_channels(plan, names).channels]
    return "all" if len(chosen) == len(plan.channels) else "+".join(chosen)


def with_settings(plan: Plan, settings: Mapping[str, str]) -> Plan:
    """The plan with training settings changed.

    Args:
        plan: As planned.
        settings: Field names of the training section (`augmentation.p_noise` reaches deeper) and
            values as JSON or plain text.

    Raises:
        PlanError: No such field, or a value of another kind; the text names the field.
    """
    fields: dict[str, Any] = TypeAdapter(TrainingPlan).dump_python(plan.training, mode="json")
    for name, text in settings.items():
        *path, last = name.split(".")
        target: Any = fields
        for part in path:
            target = target.get(part) if isinstance(target, dict) else None
        if not isinstance(target, dict) or last not in target:
            raise PlanError(
                f"There is no training setting {name!r}.",
                expected=", ".join([*fields, "augmentation.p_noise ..."]),
                got=name,
            )
        target[last] = _value(text)
    try:
        training = TypeAdapter(TrainingPlan).validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()]
        raise PlanError("A training setting has a wrong value.", got="; ".join(faults)) from error
    return dataclasses.replace(plan, training=training)


def _value(text: str) -> Any:
    for reading in (json.loads, float):
        with suppress(ValueError):
            return reading(text)
    return text
