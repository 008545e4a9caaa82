"""Starting from weights that were trained elsewhere: into the encoder, with an account of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import nn

from ricenet_v2.core.errors import CheckpointError
from ricenet_v2.core.files import sha256_of_file
from ricenet_v2.network.build import Classifier
from ricenet_v2.network.levels import n_bands
from ricenet_v2.network.lineage import lineage_in
from ricenet_v2.network.weight_changes import norm_after, plain_shortcut, with_channels
from ricenet_v2.network.weight_hints import (
    levels_of,
    notes_on,
    recorded_architecture,
    remedy_for,
)
from ricenet_v2.network.weight_layouts import ForeignEncoder, common_name, read_encoder
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.plan_parts import NetworkPlan
from ricenet_v2.records.weights import DifferingShape, WeightsReport
from ricenet_v2.store import checkpoints

_SHOWN = 6
_STATISTICS = (".running_mean", ".running_var", ".num_batches_tracked")


@dataclass(frozen=True)
class _Target:
    """A tensor of our encoder."""

    name: str
    tensor: torch.Tensor


@dataclass(frozen=True)
class _Bands:
    """Number of input maps that are bands, in this network and in that of the file.

    Attributes:
        here: Bands of this network.
        there: Bands of that of the file.
        are_alike: Whether both have the same levels of the same channels.
    """

    here: int
    there: int
    are_alike: bool


@dataclass
class _Match:
    """New values by our names, how those that were changed were, and what does not fit."""

    values: dict[str, torch.Tensor] = field(default_factory=dict)
    adapted: dict[str, str] = field(default_factory=dict)
    differing: list[DifferingShape] = field(default_factory=list)
    ignored: dict[str, list[str]] = field(default_factory=dict)

    def adapt(self, name: str, value: torch.Tensor, how: str) -> None:
        self.values[name], self.adapted[name] = value, how

    @property
    def loaded(self) -> list[str]:
        return [name for name in self.values if name not in self.adapted]


def load_pretrained(
    network: Classifier, plan: NetworkPlan, file: Path, *, allow_missing: bool = False
) -> WeightsReport:
    """Load a file's encoder into the encoder of `network`; the head stays as it is.

    Understood are checkpoints of nnU-Net (residual encoder presets), of nnssl, of MedicalNet, state
    dicts of MONAI's ResNet, and checkpoints of ricenet_v2. No code of the file is run.

    Args:
        network: Network as built, on any device; changed in place.
        plan: Plan that it was built from.
        file: File of the weights.
        allow_missing: Whether parts of the encoder may stay fresh, and parts of the file unused.

    Raises:
        CheckpointError: The file cannot be read, holds another kind of network, or does not fill
            the encoder; the text names the first differences and what would fit.
    """
    state = checkpoints.load_foreign(file)
    foreign = read_encoder(state, file, recorded_architecture(state))
    remedy = remedy_for(foreign, state)
    if foreign.architecture != plan.architecture:
        raise CheckpointError(
            "These weights belong to another kind of network.",
            file=file,
            expected=f"a {plan.architecture}, as planned",
            got=f"a {foreign.architecture} ({foreign.format})",
            remedy=remedy,
        )
    targets = _targets(network.encoder, plan.architecture)
    levels = levels_of(state)
    bands = _Bands(network.bands.n_bands, n_bands(levels), levels == plan.levels)
    match = _match(targets, foreign, plan, bands)
    if not match.loaded or (match.differing and not allow_missing):
        raise _refusal(match, file, remedy)
    with torch.no_grad():
        for target in targets.values():
            if target.name in match.values:
                target.tensor.copy_(match.values[target.name])
    ignored = {**foreign.ignored, **match.ignored}
    return WeightsReport(
        file=file.name,
        sha256=sha256_of_file(file),
        format=foreign.format,
        loaded=tuple(match.loaded),
        adapted=match.adapted,
        ignored={reason: tuple(names) for reason, names in ignored.items()},
        missing=tuple(
            difference.name for difference in match.differing if difference.there is None
        ),
        wrong_shape=tuple(
            difference
            for difference in match.differing
            if difference.here is not None and difference.there is not None
        ),
        unused=tuple(difference.name for difference in match.differing if difference.here is None),
        fresh_head=tuple(f"head.{name}" for name, _ in network.head.named_parameters()),
        notes=tuple(notes_on(foreign, state, plan)),
        lineage=lineage_in(state, file.name, foreign.format),
    )


def _targets(encoder: nn.Module, architecture: str) -> dict[str, _Target]:
    """Parameters and buffers by their common name; a tensor of two names comes once."""
    named = [*encoder.named_parameters(), *encoder.named_buffers()]
    return {common_name(name, architecture): _Target(name, tensor) for name, tensor in named}


def _match(
    targets: Mapping[str, _Target], foreign: ForeignEncoder, plan: NetworkPlan, bands: _Bands
) -> _Match:
    match, first = _Match(), ARCHITECTURES[plan.architecture].first_convolution
    for common, target in targets.items():
        if common in foreign.tensors:
            is_first = common == first
            _take(match, target, foreign.tensors[common], bands, is_first=is_first)
        else:
            _fill(match, common, target, foreign)
    for common in foreign.tensors:
        if common not in targets:
            _leave(match, common, targets, foreign, plan)
    return match


def _take(
    match: _Match, target: _Target, source: torch.Tensor, bands: _Bands, *, is_first: bool
) -> None:
    """The file has this tensor."""
    here, there = tuple(target.tensor.shape), tuple(source.shape)
    is_first = is_first and (here[0], here[2:]) == (there[0], there[2:])
    if here == there and (bands.are_alike or not is_first):
        match.values[target.name] = source
    elif is_first:
        match.adapt(target.name, *_first_convolution(source, here[1], bands))
    else:
        match.differing.append(DifferingShape(target.name, here, there))


def _first_convolution(
    source: torch.Tensor, n_inputs: int, bands: _Bands
) -> tuple[torch.Tensor, str]:
    """Weights (F, inputs, Z, Y, X) for the channels here and their bands, and how, in words.

    Bands are no images, so no weights of images fit them: they begin at zero, and the network
    answers at first as it did without them.
    """
    have, want = source.shape[1] - bands.there, n_inputs - bands.here
    weight, how = source[:, :have], []
    if have != want:
        weight = with_channels(weight, want)
        manner = "repeated in turn and scaled" if want > have else "added in turn"
        how.append(f"{have} input channels to {want}, {manner}")
    if bands.there:
        how.append(f"without the weights of {bands.there} bands")
    if bands.here:
        zeros = weight.new_zeros(len(weight), bands.here, *weight.shape[2:])
        weight = torch.cat([weight, zeros], dim=1)
        how.append(f"the weights of {bands.here} bands begin at zero")
    return weight, "; ".join(how)


def _fill(match: _Match, common: str, target: _Target, foreign: ForeignEncoder) -> None:
    """The file does not have this tensor: missing, unless its value follows from the others."""
    norm = norm_after(common)
    if common.endswith(".num_batches_tracked"):
        return  # no weight, and older files do not have it
    if ".shortcut." in common and not any(".shortcut." in other for other in foreign.tensors):
        value = plain_shortcut(common, target.tensor, nn.BatchNorm3d(1).eps)
        match.adapt(target.name, value, "a shortcut without parameters, as a projection")
    elif norm is not None and norm + "weight" in foreign.tensors:
        zero = torch.zeros_like(target.tensor)
        match.adapt(target.name, zero, "zero: the file's convolution has no bias")
    else:
        match.differing.append(DifferingShape(target.name, tuple(target.tensor.shape), None))


def _leave(
    match: _Match,
    common: str,
    targets: Mapping[str, _Target],
    foreign: ForeignEncoder,
    plan: NetworkPlan,
) -> None:
    """Our encoder does not have this tensor: unused, unless it makes no difference."""
    name, norm = foreign.names[common], norm_after(common)
    if norm is not None and norm + "weight" in targets:
        mean = targets.get(norm + "running_mean")
        if mean is not None and mean.name in match.values:
            value = match.values[mean.name] - foreign.tensors[common]
            match.adapt(mean.name, value, "less the bias of the file's convolution before it")
        match.ignored.setdefault("biases that a norm takes away", []).append(name)
    elif plan.norm == "instance" and common.endswith(_STATISTICS):
        match.ignored.setdefault("statistics of batch norms", []).append(name)
    else:
        shape = tuple(foreign.tensors[common].shape)
        match.differing.append(DifferingShape(name, None, shape))


def _refusal(match: _Match, file: Path, remedy: str) -> CheckpointError:
    lines = [
        f"    {part.name}: {_shape(part.here)} here, {_shape(part.there)} in the file"
        for part in match.differing[:_SHOWN]
    ]
    if len(match.differing) > _SHOWN:
        lines.append(f"    and {len(match.differing) - _SHOWN} more")
    if match.loaded:
        remedy += " To take what fits and leave the rest fresh, add --allow_missing_weights."
    return CheckpointError(
        "These weights do not fit the encoder that is planned.",
        file=file,
        expected="every tensor of the encoder in the file, and none besides",
        got="\n".join(
            [f"{len(match.values)} that fit, {len(match.differing)} that do not:", *lines]
        ),
        remedy=remedy,
    )


def _shape(shape: tuple[int, ...] | None) -> str:
    return "none" if shape is None else str(shape)
