"""The plan as one run uses it: chosen channels, settings changed by the user."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ricenet_v2.core.errors import PlanError
from ricenet_v2.records.plan import Plan
from ricenet_v2.records.plan_parts import NetworkPlan, TrainingPlan
from ricenet_v2.training.plugin_settings import names_of, path_of
from ricenet_v2.training.setting_words import refusal_of

Section = TypeVar("Section", TrainingPlan, NetworkPlan)
_UNWRITTEN: dict[str, Any] = {"in_plane_axis": None, "channel_dropout": []}
"""Settings of augmentation that are not written where there are none."""
NETWORK_FIELDS = ("norm", "dropout", "stochastic_depth")


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
    chosen = [index for index, name in enumerate(there) if name in names]
    levels = tuple(plan.network.levels[index] for index in chosen if plan.network.levels)
    levels = levels if any(levels) else ()
    augmentation = plan.training.augmentation
    rates = augmentation.channel_dropout
    augmentation = dataclasses.replace(
        augmentation, channel_dropout=tuple(rates[index] for index in chosen if rates)
    )
    return dataclasses.replace(
        plan,
        channels=tuple(plan.channels[index] for index in chosen),
        network=dataclasses.replace(plan.network, levels=levels),
        training=dataclasses.replace(plan.training, augmentation=augmentation),
    )


def channels_label(plan: Plan, names: Sequence[str] | None) -> str:
    """`all`, or the names joined with `+` in the order of the plan."""
    chosen = [channel.name for channel in with_channels(plan, names).channels]
    return "all" if len(chosen) == len(plan.channels) else "+".join(chosen)


def with_settings(plan: Plan, settings: Mapping[str, str]) -> Plan:
    """The plan with settings of training and network changed.

    Args:
        plan: The plan as it was planned.
        settings: Field names of the training section (`augmentation.p_noise` reaches deeper, and
            so do changes that other packages bring, see `plugin_settings.path_of`), or
            `network.norm`, `network.dropout`, `network.stochastic_depth`; the values as JSON or
            plain text.

    Raises:
        PlanError: No such field, or a value of another kind or outside its range; the text names
            the field.
    """
    training: dict[str, Any] = TypeAdapter(TrainingPlan).dump_python(plan.training, mode="json")
    for each in dataclasses.fields(TrainingPlan):
        if each.default is False:  # newer switches are not written where they are off
            training.setdefault(each.name, False)
    training["augmentation"] = {**_UNWRITTEN, **training["augmentation"]}
    whole: dict[str, Any] = TypeAdapter(NetworkPlan).dump_python(plan.network, mode="json")
    network = {name: whole[name] for name in NETWORK_FIELDS}
    tree = {**training, "network": network}
    for name, text in settings.items():
        *path, last = path_of(name, tree)
        target: Any = tree
        for part in path:
            target = target.get(part) if isinstance(target, dict) else None
        if not isinstance(target, dict) or isinstance(target.get(last, {}), dict):
            raise PlanError(
                f"There is no setting {name!r}.",
                expected=", ".join([*_names(tree), *names_of(tree)]),
                got=name,
                remedy="Give the name of one of these to --set.",
            )
        target[last] = _value(text)
    training_fields = {name: value for name, value in tree.items() if name != "network"}
    try:
        training_plan = _checked(TrainingPlan, training_fields)
    except ValidationError as error:
        raise refusal_of(error, TrainingPlan, "", settings, plan) from error
    try:
        network_plan = _checked(NetworkPlan, {**whole, **network})
        return dataclasses.replace(plan, training=training_plan, network=network_plan)
    except ValidationError as error:
        raise refusal_of(error, NetworkPlan, "network.", settings, plan) from error


def _names(tree: Mapping[str, Any]) -> list[str]:
    """Names of all fields; those of a section have its name in front."""
    names = []
    for name, value in tree.items():
        inner = [each for each in value if each != "further"] if isinstance(value, dict) else []
        deeper = [f"{name}.{each}" for each in inner] if isinstance(value, dict) else [name]
        names.extend(deeper)
    return names


def _checked(kind: type[Section], fields: Mapping[str, Any]) -> Section:
    return TypeAdapter(kind).validate_json(json.dumps(fields), strict=True)


def _value(text: str) -> Any:
    for reading in (json.loads, float):
        with suppress(ValueError, RecursionError):
            return reading(text)
    return text
