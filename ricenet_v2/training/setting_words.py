"""Allowed values of a setting of `--set`, in words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import NetworkPlan, TrainingPlan

_KINDS = {"integer": "a whole number", "number": "a number"}
_ENDS = (
    ("minimum", "from"),
    ("exclusiveMinimum", "above"),
    ("maximum", "up to"),
    ("exclusiveMaximum", "below"),
)
_SHOWN = 60


def refusal_of(
    error: ValidationError,
    kind: type[TrainingPlan | NetworkPlan],
    section: str,
    settings: Mapping[str, str],
    plan: Plan,
) -> PlanError:
    """The error for wrong values.

    Args:
        error: Why the section of the plan cannot be made.
        kind: The section.
        section: Its name with a dot, as it stands before the names of settings; empty of training.
        settings: Settings as given by the user.
        plan: Plan without these settings.
    """
    schema, faults, wrong = TypeAdapter(kind).json_schema(), list[str](), dict[str, None]()
    for fault in error.errors():
        name, text = section + ".".join(map(str, fault["loc"])), fault["msg"]
        if not fault["loc"]:  # a contradiction, whose text begins with the field
            text = text.removeprefix("Value error, ")
            wrong |= dict.fromkeys(each for each in settings if each in text)
            faults.append(text)
            continue
        setting = next((each for each in settings if f"{name}.".startswith(f"{each}.")), name)
        wrong |= {setting: None} if setting in settings else {}
        allowed = _allowed(schema, setting.removeprefix(section).split("."))
        faults.append(f"{setting}: {allowed or text}")
    named = list(wrong) or list(settings)
    planned = ", ".join(f"{name}={_planned(plan, name)}" for name in named)
    return PlanError(
        "A setting has a wrong value.",
        expected="; ".join(dict.fromkeys(faults)),
        got=", ".join(f"{name}={settings[name][:_SHOWN]}" for name in named),
        remedy=f"Give another value to --set, or leave it out; the plan has {planned}.",
    )


def _planned(plan: Plan, name: str) -> Any:
    """Value of a setting in a plan."""
    value: Any = plan.network if name.startswith("network.") else plan.training
    for part in name.removeprefix("network.").split("."):
        value = getattr(value, part, "none")  # of a change that another package brings
    return [*value] if isinstance(value, tuple) else value


def _allowed(schema: Mapping[str, Any], path: Sequence[str]) -> str:
    """Allowed values of a field, in words; empty where that is more than a kind and a range."""
    field: Any = schema
    for part in path:
        if "$ref" in field:
            field = schema["$defs"][field["$ref"].rpartition("/")[2]]
        field = field.get("properties", {}).get(part, {})
    if "enum" in field:
        return f"one of {', '.join(map(str, field['enum']))}"
    if field.get("type") == "boolean":
        return "true or false"
    if "prefixItems" in field:
        parts = field["prefixItems"]
        return f"{len(parts)} in brackets, each {_kind_and_range(parts[0])}"
    return _kind_and_range(field)


def _kind_and_range(field: Mapping[str, Any]) -> str:
    kind = _KINDS.get(field.get("type", ""))
    ends = [f"{name} {_number(field[end])}" for end, name in _ENDS if end in field]
    return f"{kind} {' '.join(ends)}".strip() if kind else ""


def _number(value: float) -> str:
    return f"{int(value):,}" if value == int(value) else f"{value:g}"
