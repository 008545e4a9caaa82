"""Contradictions between fields of a plan that are each valid by themselves."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from itertools import chain

from ricenet_v2.core.types import Shape
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.augmentations import further_faults
from ricenet_v2.records.dataset import channel_name_faults
from ricenet_v2.records.normalisation import SCHEMES, faults_of, is_absolute
from ricenet_v2.records.plan_parts import AugmentationPlan, ChannelPlan, NetworkPlan, TrainingPlan


def plan_faults(
    name: str,
    classes: Sequence[str],
    channels: Sequence[ChannelPlan],
    input_size: Shape,
    network: NetworkPlan,
    training: TrainingPlan,
) -> list[str]:
    """Each contradiction in words, the name of its field first; empty for a sound plan.

    Args:
        name: Name of the plan.
        classes: Names in the order of the indices.
        channels: Channels in the order of the network's input.
        input_size: Voxels along (z, y, x) that the network sees.
        network: Stage by stage.
        training: Settings of training, with augmentation.
    """
    names = [channel.name for channel in channels]
    faults = chain(
        _plan_name(name),
        _stages(network),
        _architecture(network),
        _levels(network, channels),
        _input_size(network, input_size),
        _names("classes", classes, at_least=2),
        _names("channels", names, at_least=1),
        channel_name_faults(names),
        *(_normalisation(channel) for channel in channels),
        _ranges(training.augmentation),
        further_faults(training.augmentation),
        _switches(training),
        _dropout(network, training, names),
    )
    return list(faults)


def _switches(training: TrainingPlan) -> list[str]:
    # torch.compile takes no context for the second forward pass.
    if training.compile and training.activation_checkpointing:
        return ["activation_checkpointing: not with compile"]
    return []


def _dropout(network: NetworkPlan, training: TrainingPlan, names: Sequence[str]) -> list[str]:
    rates = training.augmentation.channel_dropout
    if rates and len(rates) != len(names):
        return [
            f"augmentation.channel_dropout: one rate for each of {', '.join(names)} is needed, or "
            f"none at all, got {len(rates)}"
        ]
    if any(rates) and not network.presence:
        return [
            "augmentation.channel_dropout: the network is not shown which channels are there; plan "
            "with --allow_missing_channels"
        ]
    return []


def _plan_name(name: str) -> list[str]:
    # The folder of a model is called <plan>__<channels>.
    is_clear = "__" not in name and not name.endswith("_")
    return [] if is_clear else [f"name: no `__` in it and no `_` at its end, got {name!r}"]


def _stages(network: NetworkPlan) -> list[str]:
    lengths = {
        "features": len(network.features),
        "blocks": len(network.blocks),
        "kernel_sizes": len(network.kernel_sizes),
        "strides": len(network.strides),
    }
    if len(set(lengths.values())) != 1 or not network.features:
        counts = ", ".join(f"{name} {length}" for name, length in lengths.items())
        return [f"network: every stage needs one entry of each, got {counts}"]
    even = [kernel for kernel in network.kernel_sizes if any(n % 2 == 0 for n in kernel)]
    return [f"network.kernel_sizes: odd numbers are needed, got {even[0]}"] if even else []


def _architecture(network: NetworkPlan) -> list[str]:
    # A plan can be read where the package is missing that its network comes from.
    specification = ARCHITECTURES.get(network.architecture)
    return [] if specification is None else specification.faults(network)


def _levels(network: NetworkPlan, channels: Sequence[ChannelPlan]) -> list[str]:
    levels = network.levels
    if levels and len(levels) != len(channels):
        return [
            f"network.levels: one entry for each of {len(channels)} channels is needed, "
            f"got {len(levels)}"
        ]
    faults = []
    for channel, values in zip(channels, levels, strict=False):
        if len(values) == 1 or any(a >= b for a, b in itertools.pairwise(values)):
            faults.append(
                f"network.levels: {channel.name} needs none, or two and more that increase, "
                f"got {values}"
            )
        scheme = channel.normalisation.scheme
        if values and scheme in SCHEMES.names and not is_absolute(scheme):
            faults.append(
                f"network.levels: {channel.name} is normalised by each case itself ({scheme}), so "
                "none of its values means the same in two cases"
            )
    return faults


def _input_size(network: NetworkPlan, size: Shape) -> list[str]:
    specification = ARCHITECTURES.get(network.architecture)
    if specification is None or not specification.strides_divide:
        return []
    total = specification.stride_of(network, len(network.strides))
    if any(n % stride for n, stride in zip(size, total, strict=True)):
        return [f"input_size: the product of network.strides, {total}, must divide it, got {size}"]
    if max(n // stride for n, stride in zip(size, total, strict=True)) < 2:
        return [
            f"input_size: network.strides, {total} in all, must leave 2 voxels along one "
            f"axis, got {size}"
        ]
    return []


def _names(what: str, names: Sequence[str], at_least: int) -> list[str]:
    if len(names) < at_least:
        return [f"{what}: at least {at_least} needed, got {len(names)}"]
    twice = sorted({name for name in names if list(names).count(name) > 1})
    return [f"{what}: a name occurs twice, {', '.join(twice)}"] if twice else []


def _normalisation(channel: ChannelPlan) -> list[str]:
    where = f"channels.{channel.name}.normalisation"
    return [f"{where}{fault}" for fault in faults_of(channel.normalisation)]


def _ranges(changes: AugmentationPlan) -> list[str]:
    ranges = {
        "scaling": changes.scaling,
        "brightness": changes.brightness,
        "contrast": changes.contrast,
        "gamma": changes.gamma,
    }
    faults = [
        f"training.augmentation.{name}: the smaller number first, got {values}"
        for name, values in ranges.items()
        if values[0] > values[1]
    ]
    axes = changes.mirror_axes
    if len(set(axes)) != len(axes) or not set(axes) <= {0, 1, 2}:
        faults.append(
            f"training.augmentation.mirror_axes: each of 0, 1, 2 at most once, got {axes}"
        )
    return faults
