"""Whether the encoder of another package gives the maps that its plan says."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

from ricenet_v2.core.errors import PluginError
from ricenet_v2.core.types import Shape
from ricenet_v2.records.architectures import ARCHITECTURES
from ricenet_v2.records.plan_parts import NetworkPlan

_OUTPUT = "its output"
_SMALLEST = 32


def check_maps(
    encoder: nn.Module, plan: NetworkPlan, n_maps: int, input_size: Shape | None = None
) -> None:
    """Run an encoder without data, one sample in training mode, and compare shapes with the plan.

    Cropping, memory, occlusion and gradient maps take the strides of the plan for granted.

    Args:
        encoder: An encoder on torch's meta device, with the submodules that a specification asks
            for.
        plan: The network.
        n_maps: Input maps, channels and bands.
        input_size: Voxels along (z, y, x); 32 or more that the strides divide where None.

    Raises:
        PluginError: It cannot be run, or a stage has a map of another size than the strides of the
            plan give, or the last one has other channels than the plan.
    """
    specification = ARCHITECTURES[plan.architecture]
    size = input_size or _usual_size(specification.stride_of(plan, len(plan.strides)))
    images = torch.empty((1, n_maps, *size), device="meta")
    blamed = ARCHITECTURES.blamed(plan.architecture, "cannot be run")
    with _outputs(encoder) as given, blamed, torch.no_grad():
        given[_OUTPUT] = encoder.train()(images)
    expected = {
        f"stage {number}": _divided(size, specification.stride_of(plan, number))
        for number in range(1, len(plan.strides) + 1)
    }
    for name, shape in expected.items():
        if _shape(given.get(name))[-3:] != shape:
            raise _misfit(plan, name, f"{_text(shape)} voxels (z, y, x)", given)
    last = (1, plan.features[-1], *specification.deepest_map(plan, size))
    if _shape(given[_OUTPUT]) != last:
        text = f"{plan.features[-1]} channels of {_text(last[2:])} voxels (z, y, x)"
        raise _misfit(plan, _OUTPUT, text, given)


@contextmanager
def _outputs(encoder: nn.Module) -> Iterator[dict[str, object]]:
    """Maps of each stage inside of the block."""
    given: dict[str, object] = {}

    def noted(name: str) -> torch.utils.hooks.RemovableHandle:
        def note(_stage: nn.Module, _inputs: object, output: object) -> None:
            given[name] = output

        return stages[name].register_forward_hook(note)

    children = encoder.get_submodule("stages").children()
    stages = {f"stage {number}": stage for number, stage in enumerate(children, start=1)}
    handles = [noted(name) for name in stages]
    try:
        yield given
    finally:
        for handle in handles:
            handle.remove()


def _usual_size(strides: Shape) -> Shape:
    """The least size from 32 voxels on with two voxels or more of the last map along each axis."""
    z, y, x = (max(2, -(-_SMALLEST // stride)) * stride for stride in strides)
    return z, y, x


def _divided(size: Shape, strides: Shape) -> Shape:
    z, y, x = (-(-n // stride) for n, stride in zip(size, strides, strict=True))
    return z, y, x


def _shape(output: object) -> tuple[int, ...]:
    """Shape of a map of one sample (1, channels, z, y, x); empty where it is none."""
    if isinstance(output, torch.Tensor) and output.ndim == 5:
        return tuple(output.shape)
    return ()


def _text(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape))


def _misfit(
    plan: NetworkPlan, name: str, expected: str, given: Mapping[str, object]
) -> PluginError:
    got = "a stage that is not called as a module"
    if name in given:
        output = given[name]
        got = type(output).__name__
        if isinstance(output, torch.Tensor):
            got = f"shape {tuple(output.shape)}"
        if shape := _shape(output):
            got = f"{shape[1]} channels of {_text(shape[2:])} voxels"
    plugin = ARCHITECTURES.plugin(plan.architecture)
    origin, package = (plugin.origin, plugin.package) if plugin else ("ricenet_v2", "ricenet_v2")
    return PluginError(
        f"The network {plan.architecture} of {origin} does not give the maps that are planned.",
        expected=f"{name}: {expected}, as strides and features of the plan say",
        got=got,
        remedy=f"Update the package (pip install --upgrade {package}), or report this to its "
        "authors. A pooling of the stem, or a first stride in it, is named in the specification "
        "(stem_pooling, stem_strides).",
    )
