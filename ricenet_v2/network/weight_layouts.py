"""Reading of foreign files of weights: their format, and an encoder under our names.

Layouts as the sources of nnU-Net (`nnUNetTrainer.save_checkpoint`), nnssl (`AdaptationPlan`,
`AbstractTrainer.save_checkpoint`), MedicalNet (`med3d/models/resnet.py`) and MONAI
(`networks/nets/resnet.py`) write them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from ricenet_v2.core.errors import CheckpointError

Tensors = Mapping[str, torch.Tensor]

# Where a checkpoint keeps its weights, and whose habit that is; the first that is there counts.
_CONTAINERS = {
    "inference_weights": "ricenet_v2",
    "network_weights": "nnU-Net",
    "state_dict": None,
    "model_state_dict": None,
    "model": None,
}
_WRAPPERS = ("module.", "_orig_mod.", "encoder.", "backbone.", "network.", "model.", "net.")
_HEADS = ("head.", "fc.", "conv_seg.", "classifier.")

# A module of dynamic-network-architectures registers its layers twice, and counts the pool before
# a projection: neither is a difference of weights.
_RESIDUAL = (
    (re.compile(r"\.all_modules\.0\."), ".conv."),
    (re.compile(r"\.all_modules\.[12]\."), ".norm."),
    (re.compile(r"\.skip\.\d+\."), ".skip."),
)
_RESNET = (
    (re.compile(r"^conv1\."), "stem.0."),
    (re.compile(r"^bn1\."), "stem.1."),
    (re.compile(r"^layer(\d+)\."), lambda match: f"stages.{int(match[1]) - 1}."),
    (re.compile(r"\.bn(\d)\."), r".norm\1."),
    (re.compile(r"\.downsample\."), ".shortcut."),
)


@dataclass(frozen=True)
class _WeightLayout:
    """Layout and name of an encoder in files of another program.

    Attributes:
        label: Name of the encoder in texts.
        names: Patterns in their names, and what is put in their place.
        first_of_block: Name between the number of a stage and the first convolution of its first
            block.
    """

    label: str
    names: Sequence[tuple[re.Pattern[str], str | Callable[[re.Match[str]], str]]]
    first_of_block: str


_LAYOUTS = {
    "residual_encoder": _WeightLayout("residual encoder", _RESIDUAL, "blocks.0.conv1.conv"),
    "resnet18": _WeightLayout("3D ResNet", _RESNET, "0.conv1"),
}
"""Architectures that other programs have too; weights of all others are those of ricenet_v2."""
_SIGNS: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(r"stages\.\d+\.blocks\.\d+\.conv1\.(conv|all_modules\.0)\.weight"),
        "residual_encoder",
    ),
    (re.compile(r"(layer1\.0|stages\.0\.0)\.conv1\.weight"), "resnet18"),
)
_PLAIN = re.compile(r"stages\.\d+\.\d+\.convs\.\d+\.|conv_blocks_context\.")


@dataclass(frozen=True)
class ForeignEncoder:
    """The encoder of a file.

    Attributes:
        format: Recognised format of the file.
        architecture: Architecture of our encoder that it fits.
        tensors: Tensors, by the name that `common_name` gives them.
        names: Name in the file, by the same name.
        ignored: Names in the file of all else, by reason.
    """

    format: str
    architecture: str
    tensors: dict[str, torch.Tensor]
    names: dict[str, str]
    ignored: dict[str, list[str]] = field(default_factory=dict)

    @property
    def blocks(self) -> tuple[int, ...]:
        """Residual blocks of each stage."""
        pattern = re.compile(r"stages\.(\d+)\.(?:blocks\.)?(\d+)\.conv1\.")
        positions = {(int(m[1]), int(m[2])) for name in self.tensors if (m := pattern.match(name))}
        stages = sorted({stage for stage, _ in positions})
        return tuple(sum(number == stage for number, _ in positions) for stage in stages)

    @property
    def features(self) -> tuple[int, ...]:
        """Channels of each stage."""
        layout = _LAYOUTS.get(self.architecture)
        middle = layout.first_of_block if layout else ""
        names = [f"stages.{stage}.{middle}.weight" for stage in range(len(self.blocks))]
        return tuple(self.tensors[name].shape[0] for name in names if name in self.tensors)


def common_name(name: str, architecture: str) -> str:
    """One name for what several programs, or two strides, call differently.

    Args:
        name: Name of a tensor of an encoder, without wrappers.
        architecture: Architecture of that encoder.
    """
    layout = _LAYOUTS.get(architecture)
    for pattern, replacement in layout.names if layout else ():
        name = pattern.sub(replacement, name)
    return name


def read_encoder(state: Mapping[str, Any], file: Path, recorded: str = "") -> ForeignEncoder:
    """Find the encoder in what a file holds.

    Args:
        state: Content of the file, as read.
        file: The file, for messages.
        recorded: Architecture that the plan in the file names; empty where there is none.

    Raises:
        CheckpointError: No encoder that we have, a plain, bottleneck or two-dimensional one, two
            of them, or values that are not finite.
    """
    label, weights = _weights(state, file)
    wrappers = (*_WRAPPERS, *_nnssl_wrapper(state))
    stripped = {name: _strip(name, wrappers) for name in weights}
    architecture = recorded or _architecture(set(stripped.values()), file)
    layout = _LAYOUTS.get(architecture)
    theirs = layout.label if layout else architecture
    encoder = ForeignEncoder(label or f"state dict of a {theirs}", architecture, {}, {})
    # The plain name of a tensor comes before its second one, so that it is the one reported.
    for name in sorted(weights, key=lambda name: ".all_modules." in name):
        _place(encoder, name, stripped[name], weights[name], file)
    _check_values(encoder, file)
    return encoder


def _weights(state: Mapping[str, Any], file: Path) -> tuple[str | None, dict[str, torch.Tensor]]:
    """Program that wrote the file, where that is clear, and its tensors."""
    key = next((key for key in _CONTAINERS if isinstance(state.get(key), Mapping)), None)
    inside = state if key is None else state[key]
    label = "nnssl" if "nnssl_adaptation_plan" in state else _CONTAINERS.get(key or "")
    weights = {str(k): v for k, v in inside.items() if isinstance(v, torch.Tensor)}
    if not weights:
        raise CheckpointError(
            "This file holds no weights.",
            file=file,
            expected=f"tensors by name, alone or under {', '.join(_CONTAINERS)}",
            got=", ".join(map(str, list(state)[:8])) or "nothing",
        )
    return label, weights


def _nnssl_wrapper(state: Mapping[str, Any]) -> tuple[str, ...]:
    """Prefix of the encoder that nnssl records in its checkpoints."""
    adaptation = state.get("nnssl_adaptation_plan")
    key = adaptation.get("key_to_encoder") if isinstance(adaptation, Mapping) else None
    prefix = key.removesuffix("stages") if isinstance(key, str) else ""
    return (prefix,) if prefix.endswith(".") else ()


def _strip(name: str, wrappers: Iterable[str]) -> str:
    """`name` without the prefixes that wrappers put before it."""
    while prefix := next((wrapper for wrapper in wrappers if name.startswith(wrapper)), None):
        name = name.removeprefix(prefix)
    return name


def _architecture(names: set[str], file: Path) -> str:
    for sign, architecture in _SIGNS:
        if any(sign.fullmatch(name) for name in names):
            if "layer1.0.conv3.weight" in names:
                raise CheckpointError(
                    "This ResNet has bottleneck blocks.",
                    file=file,
                    expected="blocks of two convolutions: ResNet-10, 18 or 34",
                    got="three convolutions a block: ResNet-50 or deeper",
                    remedy="Take the ResNet-18 weights of the same source and --preset paper.",
                )
            return architecture
    if any(_PLAIN.search(name) for name in names):
        raise CheckpointError(
            "This is a plain convolutional U-Net: its encoder has no residual blocks.",
            file=file,
            expected="a residual encoder",
            got=f"{len(names)} tensors such as {min(names)}",
            remedy="Train nnU-Net with -p nnUNetResEncUNetLPlans, and plan with --preset resenc_l.",
        )
    raise CheckpointError(
        "The network in this file is unknown.",
        file=file,
        expected="a residual encoder (nnU-Net, nnssl), a 3D ResNet-10/18/34 (MedicalNet, MONAI), "
        "or a checkpoint of ricenet_v2",
        got=f"{len(names)} tensors such as {', '.join(sorted(names)[:4])}",
    )


def _place(encoder: ForeignEncoder, name: str, bare: str, tensor: torch.Tensor, file: Path) -> None:
    """Put a tensor into the encoder, or among what is ignored."""
    common = common_name(bare, encoder.architecture)
    if not common.startswith(("stem.", "stages.")):
        encoder.ignored.setdefault(_other_part(bare), []).append(name)
    elif common not in encoder.tensors:
        encoder.tensors[common], encoder.names[common] = tensor, name
    elif torch.equal(encoder.tensors[common], tensor):
        encoder.ignored.setdefault("second names of tensors", []).append(name)
    else:
        raise CheckpointError(
            "This file holds two encoders.",
            file=file,
            expected="one",
            got=f"different values for {encoder.names[common]} and {name}",
            remedy="Write the wanted encoder's state dict to a file of its own, and give that.",
        )


def _other_part(bare: str) -> str:
    if bare.startswith("decoder."):
        return "decoder"
    return "head" if bare.startswith(_HEADS) else "other parts"


def _check_values(encoder: ForeignEncoder, file: Path) -> None:
    flat = next((name for name, v in encoder.tensors.items() if v.ndim == 4), None)
    if flat is not None:
        raise CheckpointError(
            "These weights are those of a two-dimensional network.",
            file=file,
            expected="3D kernels, shapes of five numbers",
            got=f"{encoder.names[flat]} of shape {tuple(encoder.tensors[flat].shape)}",
            remedy="Take a 3D network: nnU-Net's 3d_fullres, a 3D ResNet of MedicalNet or MONAI.",
        )
    wild = next((name for name, v in encoder.tensors.items() if not torch.isfinite(v).all()), None)
    if wild is not None:
        raise CheckpointError(
            "These weights are not all finite: their training has diverged.",
            file=file,
            got=f"infinite or undefined values in {encoder.names[wild]}",
            remedy="Take an earlier checkpoint of that training.",
        )
