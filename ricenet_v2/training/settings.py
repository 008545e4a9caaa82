"""The plan as one run uses it: chosen channels, settings changed by the user."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import NetworkPlan, Plan, TrainingPlan

Section = TypeVar("Section", TrainingPlan, NetworkPlan)
_NETWORK_FIELDS = ("norm", "dropout", "stochastic_depth")
_RANGES: tuple[tuple[tuple[str, ...], Callable[[float], bool], str], ...] = (
    (
        ("batch_size", "accumulation_steps", "epochs", "iterations_per_epoch"),
        lambda value: value >= 1,
        "1 or more",
    ),
    (
        ("warmup_epochs", "early_stop_epochs", "weight_decay", "mixup"),
        lambda value: value >= 0,
        "0 or more",
    ),
    (("learning_rate", "gradient_clip"), lambda value: value > 0, "above 0"),
    (
        ("label_smoothing", "ema_decay", "network.dropout", "network.stochastic_depth"),
        lambda value: 0 <= value < 1,
        "from 0 to below 1",
    ),
)


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
    """The plan with settings of training and network changed.

    Args:
        plan: As planned.
        settings: Field names of the training section (`augmentation.p_noise` reaches deeper), or
            `network.norm`, `network.dropout`, `network.stochastic_depth`; the values as JSON or
            plain text.

    Raises:
        PlanError: No such field, or a value of another kind or outside its range; the text names
            the field.
    """
    training: dict[str, Any] = TypeAdapter(TrainingPlan).dump_python(plan.training, mode="json")
    whole: dict[str, Any] = TypeAdapter(NetworkPlan).dump_python(plan.network, mode="json")
    network = {name: whole[name] for name in _NETWORK_FIELDS}
    tree = {**training, "network": network}
    for name, text in settings.items():
        *path, last = name.split(".")
        target: Any = tree
        for part in path:
            target = target.get(part) if isinstance(target, dict) else None
        if not isinstance(target, dict) or isinstance(target.get(last, {}), dict):
            raise PlanError(
                f"There is no setting {name!r}.",
                expected=", ".join(_names(tree)),
                got=name,
            )
        target[last] = _value(text)
    made = {name: value for name, value in tree.items() if name != "network"}
    changed = dataclasses.replace(
        plan,
        training=_checked(TrainingPlan, made),
        network=_checked(NetworkPlan, {**whole, **network}),
    )
    _check_ranges(changed, settings)
    return changed


def _names(tree: Mapping[str, Any]) -> list[str]:
    """Names of all fields; those of a section have its name in front."""
    names = []
    for name, value in tree.items():
        deeper = [f"{name}.{inner}" for inner in value] if isinstance(value, dict) else [name]
        names.extend(deeper)
    return names


def _checked(kind: type[Section], fields: Mapping[str, Any]) -> Section:
    try:
        return TypeAdapter(kind).validate_json(json.dumps(fields), strict=True)
    except ValidationError as error:
        faults = [f"{'.'.join(map(str, f['loc']))}: {f['msg']}" for f in error.errors()]
        raise PlanError("A setting has a wrong value.", got="; ".join(faults)) from error


def _check_ranges(plan: Plan, settings: Mapping[str, str]) -> None:
    values = {
        **dataclasses.asdict(plan.training),
        **{f"network.{name}": getattr(plan.network, name) for name in _NETWORK_FIELDS},
    }
    faults = [
        f"{name}: {values[name]} is not {words}"
        for names, is_right, words in _RANGES
        for name in names
        if not is_right(values[name])
    ]
    if faults:
        raise PlanError(
            "A setting is out of its range.",
            expected="values in their ranges",
            got="; ".join(faults),
            remedy="Correct --set: " + " ".join(f"{n}={v}" for n, v in settings.items()),
        )


def _value(text: str) -> Any:
    for reading in (json.loads, float):
        with suppress(ValueError):
            return reading(text)
    return text
