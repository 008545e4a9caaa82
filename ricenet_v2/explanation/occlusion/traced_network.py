"""A network as a list of steps on maps, found by tracing it.

Three sorts of steps are known, and they are all that both encoders consist of: layers that look at
a neighbourhood (convolution, max and average pool), layers that look at one voxel (nonlinearity,
batch norm in evaluation mode), and additions. Instance norm joins them once its statistics
are fixed (see `frozen`).
"""

from __future__ import annotations

import copy
import operator
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import torch
from torch import fx, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

NEIGHBOURHOOD = (nn.Conv3d, nn.MaxPool3d, nn.AvgPool3d)
_NONLINEARITIES = (nn.ReLU, nn.LeakyReLU)
_VOXEL = (nn.BatchNorm3d, *_NONLINEARITIES)
_NOTHING = (nn.Identity, nn.Dropout, nn.Dropout3d)
_ADDITIONS = (operator.add, operator.iadd, torch.add)
IMAGES = "images"


class UnknownStepError(Exception):
    """The network does something that is none of the known steps; the text says what."""


@dataclass(frozen=True)
class TracedStep:
    """One operation on maps.

    Attributes:
        name: Name of the map that it makes.
        inputs: Names of the maps that it takes; `IMAGES` are the network's own input.
        layer: Function of the step; None adds its two inputs.
    """

    name: str
    inputs: tuple[str, ...]
    layer: nn.Module | None

    @property
    def looks_around(self) -> bool:
        """Whether a voxel of its map depends on several voxels of its input."""
        return isinstance(self.layer, NEIGHBOURHOOD)


def steps_of(encoder: nn.Module) -> tuple[TracedStep, ...]:
    """The steps from images to the last feature map, in order; none writes over its input.

    Args:
        encoder: Encoder in evaluation mode, from images (B, C, Z, Y, X) to one map.

    Raises:
        UnknownStepError: It cannot be traced, or does something else.
    """
    try:
        graph = fx.Tracer().trace(encoder)
    except (fx.proxy.TraceError, TypeError) as error:
        raise UnknownStepError(f"{type(encoder).__name__} cannot be traced: {error}") from error
    names: dict[fx.Node, str] = {}
    steps: list[TracedStep] = []
    for node in graph.nodes:
        if node.op == "placeholder":
            names[node] = IMAGES
        elif node.op != "output":
            inputs = tuple(names[each] for each in node.all_input_nodes)
            layer = _layer(encoder, node)
            names[node] = inputs[0] if isinstance(layer, _NOTHING) else node.name
            if not isinstance(layer, _NOTHING):
                steps.append(TracedStep(node.name, inputs, layer))
    return _not_written(steps)


def _layer(encoder: nn.Module, node: fx.Node) -> nn.Module | None:
    if node.op == "call_function" and node.target in _ADDITIONS and len(node.all_input_nodes) == 2:
        return None
    layer = encoder.get_submodule(str(node.target)) if node.op == "call_module" else None
    fault = "is not known" if layer is None else _fault(layer)
    if fault:
        raise UnknownStepError(f"{node.target} {fault}")
    return layer


def _not_written(steps: Sequence[TracedStep]) -> tuple[TracedStep, ...]:
    """The same with nonlinearities that leave their inputs as they are.

    Raises:
        UnknownStepError: One writes over a map that something else takes too, which sees that.
    """
    rewritten = []
    for step, is_last in zip(steps, _taken_once(steps), strict=True):
        if isinstance(step.layer, _NONLINEARITIES) and step.layer.inplace:
            if not is_last:
                raise UnknownStepError(f"{step.name} writes over what is needed elsewhere")
            rewritten.append(replace(step, layer=_writing(step.layer, over_input=False)))
        else:
            rewritten.append(step)
    return tuple(rewritten)


def _taken_once(steps: Sequence[TracedStep]) -> list[bool]:
    """Whether the first input of each step is a map that no other step takes."""
    uses = Counter(name for step in steps for name in step.inputs)
    return [step.inputs[0] != IMAGES and uses[step.inputs[0]] == 1 for step in steps]


def _writing(layer: nn.ReLU | nn.LeakyReLU, *, over_input: bool) -> nn.Module:
    copied = copy.copy(layer)
    copied.inplace = over_input
    return copied


def _fault(layer: nn.Module) -> str:
    """Reason why a layer is not a known step; empty if it is one."""
    if isinstance(layer, nn.Conv3d):
        plain = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
    elif isinstance(layer, nn.MaxPool3d):
        plain = not layer.ceil_mode and not layer.return_indices
    elif isinstance(layer, nn.AvgPool3d):
        plain = not layer.ceil_mode and not _any(layer.padding) and not layer.divisor_override
    elif isinstance(layer, nn.BatchNorm3d):
        plain = layer.running_mean is not None and not layer.training
    elif isinstance(layer, nn.InstanceNorm3d):
        plain = layer.running_mean is None
    else:
        plain = isinstance(layer, (*_VOXEL, *_NOTHING))
    return "" if plain else f"({type(layer).__name__}) is not known with these options"


def _any(padding: int | tuple[int, ...]) -> bool:
    return padding != 0 if isinstance(padding, int) else any(padding)


def frozen(norm: nn.InstanceNorm3d, before: torch.Tensor) -> nn.BatchNorm3d:
    """An instance norm with the mean and variance of one map (1, C, z, y, x), whatever comes.

    A CPU computes them in float64, which Apple's GPUs do not have.
    """
    batch_norm = nn.BatchNorm3d(norm.num_features, eps=norm.eps, affine=norm.affine)
    batch_norm.to(before.device, before.dtype).eval()
    values = before[0].flatten(1)
    values = values.double() if values.device.type == "cpu" else values.float()
    batch_norm.running_mean = values.mean(dim=1).to(before.dtype)
    batch_norm.running_var = values.var(dim=1, unbiased=False).to(before.dtype)
    if norm.affine:
        batch_norm.weight, batch_norm.bias = norm.weight, norm.bias
    return batch_norm


def fused(steps: tuple[TracedStep, ...]) -> tuple[TracedStep, ...]:
    """The same with each batch norm that follows a convolution drawn into its weights."""
    uses = Counter(name for step in steps for name in step.inputs)
    fused_steps: list[TracedStep] = []
    for step in steps:
        last = fused_steps[-1] if fused_steps else step
        follows = step.inputs == (last.name,) and uses[last.name] == 1
        norm, conv = step.layer, last.layer
        if follows and isinstance(norm, nn.BatchNorm3d) and isinstance(conv, nn.Conv3d):
            layer = fuse_conv_bn_eval(conv, norm)
            fused_steps[-1] = replace(last, name=step.name, layer=layer)
        else:
            fused_steps.append(step)
    return tuple(fused_steps)


def in_place(steps: tuple[TracedStep, ...]) -> tuple[TracedStep, ...]:
    """The same with each nonlinearity written over its input, where no other step takes that."""
    return tuple(
        replace(step, layer=_writing(step.layer, over_input=True))
        if is_last and isinstance(step.layer, _NONLINEARITIES)
        else step
        for step, is_last in zip(steps, _taken_once(steps), strict=True)
    )
