"""Sentences about the network and the weights that it began with."""

from __future__ import annotations

import dataclasses

from ricenet_v2.records.plan import NetworkPlan
from ricenet_v2.records.weights import PretrainedSource
from ricenet_v2.report.methods.facts import Facts
from ricenet_v2.report.methods.sentence import Subject, begun, listed, numbered, said
from ricenet_v2.report.words import number, several

GROUP = "Network"
TOLD = frozenset({
    "architecture", "features", "blocks", "kernel_sizes", "strides", "norm", "dropout", "stem",
    "conv_bias", "nonlinearity", "stem_features", "stochastic_depth",
})  # fmt: skip
"""Fields that have words of their own; others are told by name and value."""
NEWER = frozenset({"levels"})
"""Fields of newer plans that have words of their own."""
_ARCHITECTURES = {"residual_encoder": "3D residual encoder", "resnet18": "3D ResNet-18"}


def kind(facts: Facts) -> str:
    """The kind of model, for a title."""
    if facts.plan is not None:
        name = architecture(facts.plan.network)
        return f"The model is deep learning: a {name} that classifies into " + _classes(facts)
    if facts.folds:
        return f"The model is no network but `{facts.folds[0].run.plan}`; it has no plan. " + (
            f"It classifies into {_classes(facts)}"
        )
    return ""


def _classes(facts: Facts) -> str:
    return f"{listed(facts.dataset.classes)}."


def architecture(network: NetworkPlan) -> str:
    """In words."""
    return _ARCHITECTURES.get(network.architecture, network.architecture.replace("_", " "))


def layers(facts: Facts) -> str:
    """Every field of the network."""
    if facts.plan is None:
        return ""
    net = facts.plan.network
    bias = "with" if net.conv_bias else "without"
    told = (
        f"The {architecture(net)} has {several(len(net.features), 'stage')} of "
        f"{_numbers(net.features)} features and {_numbers(net.blocks)} residual blocks, kernels "
        f"{_shapes(net.kernel_sizes)} and strides {_shapes(net.strides)} (z, y, x), "
        f"{net.norm.replace('_', ' ')} norm, {net.nonlinearity.replace('_', ' ')} and convolutions "
        f"{bias} bias."
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
    return said(
        told,
        _bands(facts),
        f"{stem}." if stem else "",
        f"{head}; {depth}.",
        _further(net),
        _size(facts),
    )


def _bands(facts: Facts) -> str:
    """Channels around fixed values of a channel, which newer plans put behind the images."""
    assert facts.plan is not None
    levels = tuple(getattr(facts.plan.network, "levels", ()))
    told = [
        f"{several(len(own) - 1, 'band')} around fixed values of {channel.name}"
        for channel, own in zip(facts.plan.channels, levels, strict=False)
        if own
    ]
    return f"Behind the channels, the network is given {listed(told)}." if told else ""


def _further(net: NetworkPlan) -> str:
    """Fields that are newer than these words, where they are not at their default."""
    found = [
        f"{field.name} = {vars(net)[field.name]}"
        for field in dataclasses.fields(net)
        if field.name not in TOLD | NEWER and vars(net)[field.name] != field.default
    ]
    return f"Further settings of the network: {', '.join(found)}." if found else ""


def _size(facts: Facts) -> str:
    """The memory was counted on the network as planned: changed channels change the first layer."""
    assert facts.plan is not None
    words = f"{facts.plan.memory.n_parameters:,} trained numbers"
    if facts.planned is not None and len(facts.planned.channels) != len(facts.plan.channels):
        return f"With all channels of the plan it has {words}."
    return f"It has {words}, as counted for the plan."


def _numbers(values: tuple[int, ...]) -> str:
    found = set(values)
    return str(values[0]) if len(found) == 1 else ", ".join(map(str, values))


def _shapes(values: tuple[tuple[int, int, int], ...]) -> str:
    told = ["x".join(map(str, value)) for value in values]
    return told[0] if len(set(told)) == 1 else ", ".join(told)


def first_weights(facts: Facts) -> str:
    """Random by the seed, or from a file."""
    if not facts.is_network or not facts.folds:
        return ""
    groups: dict[PretrainedSource | None, list[int]] = {}
    for fold in facts.folds:
        groups.setdefault(fold.run.pretrained, []).append(fold.number)
    everyone = len(groups) == 1
    return said(*(_began(source, folds, everyone) for source, folds in groups.items()))


def _began(source: PretrainedSource | None, folds: list[int], everyone: bool) -> str:
    who = "All trained folds" if everyone and len(folds) > 1 else begun(numbered(folds))
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
    """What the file was trained on, where a newer run.json tells it."""
    number, untold = getattr(source, "trained_on", None), tuple(getattr(source, "untold", ()))
    leaked, doubts = tuple(getattr(source, "leaked", ())), tuple(getattr(source, "doubts", ()))
    told = (
        "What these were trained on is not recorded."
        if number is None
        else f"These were trained on {several(number, 'case')}{_from(source)}."
    )
    return " " + said(
        told,
        f"There may be further ones: {'; '.join(untold)}." if untold else "",
        f"Among them are held-out cases of this dataset, so figures of these flatter: "
        f"{listed(leaked)}."
        if leaked
        else "",
        *(f"{begun(one)}." for one in doubts),
    )


def _from(source: PretrainedSource) -> str:
    dataset, fold = getattr(source, "dataset", ""), getattr(source, "fold", None)
    if not dataset:
        return ""
    return f" (a run of {dataset}{'' if fold is None else f', fold {fold}'})"


SUBJECTS = (
    Subject("kind", "kind of model", GROUP, kind),
    Subject("layers", "layers", GROUP, layers),
    Subject("first_weights", "first weights", GROUP, first_weights),
)
