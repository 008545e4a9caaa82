"""Sentences about the network and the weights that it began with."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence

from ricenet_v2.records.architectures import block_of, label_of
from ricenet_v2.records.kinds import KINDS
from ricenet_v2.records.normalisation import raw_value
from ricenet_v2.records.plan_parts import ChannelPlan, NetworkPlan, Norm
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.reporting.formatting import number, several
from ricenet_v2.reporting.methods.facts import Facts
from ricenet_v2.reporting.methods.sentence import (
    SentenceTopic,
    capitalised,
    listed,
    numbered,
    paragraph,
)

GROUP = "Network"
DESCRIBED = frozenset({
    "architecture", "features", "blocks", "kernel_sizes", "strides", "norm", "dropout", "stem",
    "conv_bias", "nonlinearity", "stem_features", "stochastic_depth", "levels", "settings",
    "presence",
})  # fmt: skip
"""Fields with wording of their own; others are listed by name and value."""
_PRESENCE = (
    "Cases may lack channels: a missing channel is 0 in the input, and the head receives a flag "
    "for each channel that is present."
)


def kind(facts: Facts) -> str:
    """The kind of model, for a title."""
    if facts.plan is not None:
        name = label_of(facts.plan.network.architecture)
        return f"The model is deep learning: a {name} that classifies into " + _classes(facts)
    if facts.folds:
        return f"The model is not a network but `{facts.folds[0].run.plan}`; it has no plan. " + (
            f"It classifies into {_classes(facts)}"
        )
    return ""


def _classes(facts: Facts) -> str:
    return f"{listed(facts.dataset.classes)}."


def layers(facts: Facts) -> str:
    """Every field of the network."""
    if facts.plan is None:
        return ""
    net = facts.plan.network
    bias = "with" if net.conv_bias else "without"
    blocks = f"{_numbers(net.blocks)} {block_of(net.architecture)}s"
    nonlinearity = net.nonlinearity.replace("_", " ").replace("relu", "ReLU")
    sentence = (
        f"The {label_of(net.architecture)} has {several(len(net.features), 'stage')} of "
        f"{_numbers(net.features)} features and {blocks}, kernels "
        f"{_shapes(net.kernel_sizes)} and strides {_shapes(net.strides)} (z, y, x), "
        f"{describe_norm(net.norm)}, {nonlinearity} and convolutions {bias} bias."
    )
    stem = f"Stem: {net.stem}" if net.stem else ""
    if net.stem_features is not None:
        stem = f"{stem or 'Stem'}, {net.stem_features} features"
    head = f"Dropout before the linear head: {number(net.dropout)}" if net.dropout else "No dropout"
    depth = (
        f"stochastic depth: {number(net.stochastic_depth)}"
        if net.stochastic_depth
        else "no stochastic depth"
    )
    return paragraph(
        sentence,
        _bands(facts),
        _PRESENCE if net.presence else "",
        f"{stem}." if stem else "",
        f"{head}; {depth}.",
        _further(net),
        _size(facts),
    )


def describe_norm(norm: Norm) -> str:
    """The norm layers in words."""
    return "norm layers of its own or none" if norm == "own" else f"{norm} norm"


def _bands(facts: Facts) -> str:
    """Bands of fixed values of channels, or a note that without them a height is not seen."""
    assert facts.plan is not None
    units = {channel.name: channel.unit or "" for channel in facts.dataset.channels}
    bands = [
        f"{several(len(levels) - 1, 'band')} around {_values(channel, levels[1:], units)} of "
        f"{channel.name} (the lowest begins at {_values(channel, levels[:1], units)}, the highest "
        "holds all above it)"
        for channel, levels in zip(facts.plan.channels, facts.plan.network.levels, strict=False)
        if levels
    ]
    flat = facts.plan.shapes_only
    return paragraph(
        f"In addition to the channels, the network receives {listed(bands)}." if bands else "",
        f"Instance norm removes the scale of {listed(flat)} and nothing restores it: the "
        f"networks see the shape of {'this channel' if len(flat) == 1 else 'these channels'}, but "
        f"not the height ({', '.join(_heights(facts, flat))})."
        if flat
        else "",
    )


def _values(channel: ChannelPlan, levels: Sequence[float], units: Mapping[str, str]) -> str:
    """Levels as they are before the channel is normalised, in its unit."""
    ways = ((level, raw_value(channel.normalisation, level)) for level in levels)
    raw = [level if value is None else value for level, value in ways]
    unit = KINDS[channel.kind].unit or units.get(channel.name, "")
    return f"{', '.join(number(float(f'{value:.4g}')) for value in raw)} {unit}".rstrip()


def _heights(facts: Facts, names: Sequence[str]) -> list[str]:
    assert facts.plan is not None
    kinds = [channel.kind for channel in facts.plan.channels if channel.name in names]
    return list(dict.fromkeys(KINDS[kind].unit or KINDS[kind].values for kind in kinds))


def _further(net: NetworkPlan) -> str:
    """Settings of this architecture only, and fields without a sentence that are not at default."""
    settings = [f"{name} = {value}" for name, value in net.settings.items()]
    settings += [
        f"{field.name} = {vars(net)[field.name]}"
        for field in dataclasses.fields(net)
        if field.name not in DESCRIBED and vars(net)[field.name] != field.default
    ]
    return f"Further settings of the network: {', '.join(settings)}." if settings else ""


def _size(facts: Facts) -> str:
    """The memory was counted on the network as planned: changed channels change the first layer."""
    assert facts.plan is not None
    parameters = f"{facts.plan.memory.n_parameters:,} trainable parameters"
    if facts.planned is not None and len(facts.planned.channels) != len(facts.plan.channels):
        return f"With all channels of the plan it has {parameters}."
    return f"It has {parameters}, as counted for the plan."


def _numbers(values: tuple[int, ...]) -> str:
    distinct = set(values)
    return str(values[0]) if len(distinct) == 1 else ", ".join(map(str, values))


def _shapes(values: tuple[tuple[int, int, int], ...]) -> str:
    shapes = ["x".join(map(str, value)) for value in values]
    return shapes[0] if len(set(shapes)) == 1 else ", ".join(shapes)


def first_weights(facts: Facts) -> str:
    """The origin of the first weights: drawn from the seed, or read from a file."""
    if not facts.is_network or not facts.folds:
        return ""
    groups: dict[PretrainedSource | None, list[int]] = {}
    for fold in facts.folds:
        groups.setdefault(fold.run.pretrained, []).append(fold.number)
    everyone = len(groups) == 1
    return paragraph(*(_began(source, folds, everyone) for source, folds in groups.items()))


def _began(source: PretrainedSource | None, folds: list[int], everyone: bool) -> str:
    who = "All trained folds" if everyone and len(folds) > 1 else capitalised(numbered(folds))
    if source is None:
        return (
            f"{who} began with random weights, drawn from the seed; no file of pretrained weights "
            "was read."
        )
    return (
        f"{who} began with weights of the file {source.file} ({source.format}, SHA-256 "
        f"{source.sha256[:12]}): {source.loaded:,} tensors as they are, {source.adapted:,} "
        f"adapted, {source.fresh:,} of the encoder random, {source.not_used:,} of the file not "
        f"used; the head is random.{_trained_on(source)}"
    )


def _trained_on(source: PretrainedSource) -> str:
    """Training cases of the file, as far as run.json records them."""
    known = source.trained_on is not None
    sentence = (
        f"These were trained on {several(source.trained_on or 0, 'case')}{_from(source)}."
        if known
        else "What these were trained on is not recorded."
    )
    further = "There may be others" if known else "The file does not say"
    return " " + paragraph(
        sentence,
        f"{further}: {'; '.join(source.untold)}." if source.untold else "",
        f"Among them are held-out cases of this dataset, so metrics on these are optimistic: "
        f"{listed(source.leaked)}."
        if source.leaked
        else "",
        *(f"{capitalised(doubt)}." for doubt in source.doubts),
    )


def _from(source: PretrainedSource) -> str:
    if not source.dataset:
        return ""
    fold = "" if source.fold is None else f", fold {source.fold}"
    return f" (by a run of {source.dataset}{fold}, with those of the weights before it)"


SUBJECTS = (
    SentenceTopic("kind", "kind of model", GROUP, kind),
    SentenceTopic("layers", "layers", GROUP, layers),
    SentenceTopic("first_weights", "first weights", GROUP, first_weights),
)
